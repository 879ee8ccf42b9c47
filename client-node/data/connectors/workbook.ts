import { readSheet } from 'read-excel-file/node';
import { dataFault, shorten } from '../dataFault.ts';
import { plainText } from '../text.ts';
import type { Row } from './rowsFile.ts';

/** The rows of a sheet of an Excel workbook below its header, which is the first row with a value. @throws HansaError InvalidData */
export async function* workbookRows(path: string, name: string, sheet: string | undefined): AsyncGenerator<Row> {
  const cells = await readSheet(path, sheet).catch((error: Error) => {
    throw dataFault(
      /sheet/i.test(error.message)
        ? `${name} has no sheet ${shorten(sheet ?? '1')}. Name one of its sheets under data.sources[].sheet.`
        : `${name} cannot be read as an Excel workbook (.xlsx). Save it again, or export the sheet as CSV.`,
    );
  });
  const rows = cells.filter((row) => row.some((cell) => cell !== null && String(cell).trim() !== ''));
  const [header, ...lines] = rows;
  if (header === undefined) throw dataFault(`${name} has an empty sheet. Name another one under data.sources[].sheet.`);
  const names = header.map((cell) => plainText(String(cell ?? '')));
  for (const line of lines) {
    yield Object.fromEntries(names.flatMap((column, at) => (column === '' ? [] : [[column, line[at] ?? null]])));
  }
}
