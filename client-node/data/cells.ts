import type { HansaError } from '@hansa/shared/errors';
import { dataFault, shorten } from './dataFault.ts';
import type { OrderFile } from './orderFile.ts';

const DATE_PATTERN =
  '[0-9]{4}[-/][0-9]{1,2}[-/][0-9]{1,2}([ T][0-9]{1,2}:[0-9]{2}(:[0-9]{2}([.,][0-9]+)?)?( ?(Z|[+-][0-9]{2}(:?[0-9]{2})?))?)?';
const NUMBER_PATTERN = String.raw`[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]{1,3})?`;

/** SQL for the DATE that the text of a cell is; NULL where it is none. A time of day may follow and is dropped. */
export const dateSql = (text: string): string =>
  `CASE WHEN regexp_full_match(${text}, '${DATE_PATTERN}')
     THEN TRY_CAST(replace(regexp_extract(${text}, '^[0-9]{4}.[0-9]{1,2}.[0-9]{1,2}'), '/', '-') AS DATE) END`;

/** SQL for the number that the text of a cell is, decimals behind a point; NULL where it is none. */
export const numberSql = (text: string): string =>
  `CASE WHEN regexp_full_match(${text}, '${NUMBER_PATTERN}') THEN TRY_CAST(${text} AS DOUBLE) END`;

/** SQL for whether a DATE lies outside the years that are taken, or is no date at all. */
export const noDaySql = (day: string): string =>
  `${day} IS NULL OR ${day} < DATE '1950-01-01' OR ${day} >= DATE '2150-01-01'`;
export const noDay = {
  says: 'is no date from 1950 to 2149',
  remedy: 'Write dates as YYYY-MM-DD; a time of day may follow.',
};

/** What can be wrong with a cell: the condition over the parsed line, and what to say of it. */
export interface CellFault<Meaning extends string> {
  readonly meaning: Meaning;
  readonly when: string;
  readonly says: string;
  readonly remedy: string;
}

/** SQL for the number, from 1, of a line's first fault; 0 where it has none. */
export const firstFaultSql = (faults: readonly CellFault<string>[]): string =>
  `CASE ${faults.map(({ when }, index) => `WHEN ${when} THEN ${index + 1}`).join(' ')} ELSE 0 END`;

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
 * The faults of a file in words: each kind with its first row and how many rows have it.
 *
 * @param columns the file's column for each meaning
 */
export function faultyCells<Meaning extends string>(
  file: OrderFile,
  columns: { readonly [Name in Meaning]?: string | undefined },
  faults: readonly CellFault<Meaning>[],
  located: readonly LocatedFault[],
): HansaError {
  const header = file.kind === 'parquet' ? 0 : 1;
  const told = located.map(({ fault: number, lines, first, value }) => {
    const fault = faults[number - 1];
    if (fault === undefined) throw new RangeError('a line has a fault that is not in the table');
    const { meaning, says, remedy } = fault;
    const shown = value === undefined ? 'an empty cell' : shorten(value);
    const others = lines - 1;
    const more = others === 0 ? '' : `, and so in ${others} more row${others === 1 ? '' : 's'}`;
    const column = shorten(columns[meaning] ?? meaning);
    return {
      sentence: `${file.name}, row ${first + header}, column ${column}: ${shown} ${says}${more}. ${remedy}`,
      column: { column: meaning, rows: lines },
    };
  });
  const note = header === 1 ? ' (The header is row 1.)' : '';
  return dataFault(told.map(({ sentence }) => sentence).join('\n') + note, {
    columns: told.map(({ column }) => column),
  });
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
