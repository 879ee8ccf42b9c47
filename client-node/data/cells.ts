import type { HansaError } from '@hansa/shared/errors';
import type { OrderDatabase, Parameters } from './database.ts';
import { dataFault, shorten } from './dataFault.ts';
import type { OrderFile } from './orderFile.ts';
import { plainText } from './text.ts';

/** What can be wrong with a cell: the condition over the parsed line, and what to say of it. */
export interface CellFault<Meaning extends string> {
  readonly meaning: Meaning;
  readonly when: string;
  readonly says: string;
  readonly remedy: string;
}

/** SQL for the number, from 1, of a line's first fault; 0 where it has none. */
export const firstFaultSql = (faults: readonly CellFault<string>[]): string =>
  faults.length === 0
    ? '0'
    : `CASE ${faults.map(({ when }, index) => `WHEN ${when} THEN ${index + 1}`).join(' ')} ELSE 0 END`;

/** One kind of fault in a file. */
export interface LocatedFault {
  /** Number of the fault, from 1. */
  readonly fault: number;
  readonly lines: number;
  /** First row with it, from 1, the header not counted. */
  readonly first: number;
  /** The cell there; undefined where it is empty. */
  readonly value: string | undefined;
}

/**
 * The faults of parsed lines: each kind with its first row, how many rows have it and the cell there.
 *
 * @param lines SQL of what to select from, with `fault` and `row_number`
 * @param textOf the column that holds the text of a meaning
 */
export async function locateFaults<Meaning extends string>(
  database: OrderDatabase,
  lines: string,
  faults: readonly CellFault<Meaning>[],
  textOf: (meaning: Meaning) => string,
  parameters?: Parameters,
): Promise<LocatedFault[]> {
  const values = faults.map(({ meaning }, index) => `WHEN ${index + 1} THEN ${textOf(meaning)}`);
  const rows = await database.rows(
    `SELECT fault, count(*) AS lines, min(row_number) AS first, arg_min(CASE fault ${values.join(' ')} END, row_number) AS value
     FROM ${lines} WHERE fault > 0 GROUP BY fault ORDER BY first`,
    parameters,
  );
  return rows.map(({ fault, lines: count, first, value }) => ({
    fault: Number(fault),
    lines: Number(count),
    first: Number(first),
    value: typeof value === 'string' ? value : undefined,
  }));
}

/**
 * The faults of a file in words: each kind with its first row and how many rows have it.
 *
 * @param rowsBefore rows before the first one of data
 * @param columns the file's column for each meaning
 */
export function faultyCells<Meaning extends string>(
  file: OrderFile,
  rowsBefore: number,
  columns: { readonly [Name in Meaning]?: string | undefined },
  faults: readonly CellFault<Meaning>[],
  located: readonly LocatedFault[],
): HansaError {
  const told = located.map(({ fault: number, lines, first, value }) => {
    const fault = faults[number - 1];
    if (fault === undefined) throw new RangeError('a line has a fault that is not in the table');
    const { meaning, says, remedy } = fault;
    const shown = value === undefined ? 'an empty cell' : shorten(value);
    const leftover = value === undefined ? undefined : leftoverOf(value, columns[meaning]);
    const others = lines - 1;
    const more = others === 0 ? '' : `, and so in ${others} more row${others === 1 ? '' : 's'}`;
    const column = shorten(columns[meaning] ?? meaning);
    return {
      sentence: `${file.name}, row ${first + rowsBefore}, column ${column}: ${shown} ${leftover?.says ?? says}${more}. ${leftover?.remedy ?? remedy}`,
      column: { column: meaning, rows: lines },
    };
  });
  const note = rowsBefore === 0 ? '' : ` (The header is row ${rowsBefore}.)`;
  return dataFault(told.map(({ sentence }) => sentence).join('\n') + note, {
    columns: told.map(({ column }) => column),
  });
}

/** What else a cell may be than a faulty value: a heading that is repeated, or a rule drawn below the header. */
function leftoverOf(value: string, column: string | undefined): { says: string; remedy: string } | undefined {
  if (column !== undefined && plainText(value).toLowerCase() === plainText(column).toLowerCase())
    return { says: 'is the heading again', remedy: 'Delete this line.' };
  if (/^[-=_+|*]{3,}$/.test(value)) return { says: 'is a drawn line and no value', remedy: 'Delete this line.' };
  return undefined;
}

/** A file of which the database has read fewer rows than a pass over it has counted. */
export function partlyRead(name: string): HansaError {
  return dataFault(`${name} could be read only in part. Look for unusual line endings or quotes, or export it again.`);
}

/** The database's error in reading a file, without its own words: they quote whole lines of the file, so that only the place is taken from them. */
export function explainReading(error: unknown, name: string): unknown {
  if (!(error instanceof Error) || !/^(Invalid Input|Conversion|IO|Serialization|Invalid) Error/i.test(error.message))
    return error;
  const line = /Line: (\d+)/.exec(error.message)?.[1];
  return dataFault(
    `${name}${line === undefined ? '' : `, line ${line}`}: the file is damaged or not of the kind that its name says. Export it again.`,
  );
}
