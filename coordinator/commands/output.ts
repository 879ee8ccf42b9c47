/** Where a command writes. With `json` exactly one document goes to standard output; all else goes to standard error. */
export interface Output {
  readonly json: boolean;
  /** The command's answer: the document for programs, the lines for people. */
  answer(document: unknown, lines: () => readonly string[]): void;
  /** Progress and warnings. */
  note(line: string): void;
}

export function createOutput(json: boolean, stdout: (text: string) => void, stderr: (text: string) => void): Output {
  return {
    json,
    answer: (document, lines) => stdout(json ? `${JSON.stringify(document)}\n` : `${lines().join('\n')}\n`),
    note: (line) => stderr(`${line}\n`),
  };
}

/** Rows under their heads, columns aligned; numbers to the right. */
export function table(heads: readonly string[], rows: readonly (readonly (string | number)[])[]): string[] {
  if (rows.length === 0) return ['none'];
  const numeric = heads.map((_, column) => rows.every((row) => typeof row[column] === 'number'));
  const texts = [heads, ...rows].map((row) => row.map(String));
  const widths = heads.map((_, column) => Math.max(...texts.map((row) => (row[column] ?? '').length)));
  return texts.map((row) =>
    row
      .map((cell, column) => (numeric[column] ? cell.padStart(widths[column] ?? 0) : cell.padEnd(widths[column] ?? 0)))
      .join('  ')
      .trimEnd(),
  );
}

/** Names and values, one a line. */
export function facts(entries: Readonly<Record<string, string | number | undefined>>): string[] {
  const shown = Object.entries(entries).filter((entry): entry is [string, string | number] => entry[1] !== undefined);
  const width = Math.max(...shown.map(([name]) => name.length));
  return shown.map(([name, value]) => `${name.padEnd(width)}  ${value}`);
}

/** 1536 → 1.5 kB */
export function byteText(count: number): string {
  const units = ['B', 'kB', 'MB', 'GB', 'TB'];
  let value = count;
  let unit = 0;
  while (value >= 1000 && unit < units.length - 1) {
    value /= 1000;
    unit += 1;
  }
  return `${unit === 0 ? value : value.toFixed(1)} ${units[unit]}`;
}
