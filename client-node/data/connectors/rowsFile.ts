import { createWriteStream } from 'node:fs';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { dataFault, shorten } from '../dataFault.ts';

/** A row by its column names. */
export type Row = Readonly<Record<string, unknown>>;

/** Writes rows as JSON lines, every value as text; memory does not grow with them. @throws HansaError InvalidData (for values that are none) */
export async function writeRows(
  path: string,
  name: string,
  rows: AsyncIterable<Row>,
  signal?: AbortSignal,
): Promise<void> {
  async function* lines() {
    for await (const row of rows) yield `${JSON.stringify(textsOf(row, name))}\n`;
  }
  await pipeline(
    Readable.from(lines()),
    createWriteStream(path, { mode: 0o600 }),
    ...(signal === undefined ? [] : [{ signal }]),
  );
}

function textsOf(row: Row, name: string): Record<string, string | null> {
  return Object.fromEntries(Object.entries(row).map(([column, value]) => [column, textOf(value, column, name)]));
}

function textOf(value: unknown, column: string, name: string): string | null {
  if (value === null || value === undefined) return null;
  // Written without a zone: what a table holds is the clock on the wall.
  if (value instanceof Date)
    return Number.isNaN(value.getTime()) ? null : value.toISOString().slice(0, 19).replace('T', ' ');
  if (typeof value === 'object') {
    throw dataFault(
      `${name}, column ${shorten(column)}: holds bytes or nested values, not numbers or texts. Leave it out, or cast it to text.`,
    );
  }
  return String(value);
}
