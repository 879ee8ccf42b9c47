/**
 * A text as a cell of a CSV file (RFC 4180). A spreadsheet would compute what begins like a formula, so an apostrophe goes before it, as spreadsheets
 * themselves write text.
 */
export function csvCell(text: string): string {
  const safe = FORMULA.test(text) ? `'${text}` : text;
  return /[",\r\n]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
}

/** The text of a cell that csvCell has written, without its quotes. */
export const textOfCell = (cell: string): string =>
  cell.startsWith("'") && FORMULA.test(cell.slice(1)) ? cell.slice(1) : cell;

const FORMULA = /^[=+\-@\t\r]/;
