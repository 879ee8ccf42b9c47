import { access, constants, open, realpath, stat } from 'node:fs/promises';
import { resolve } from 'node:path';
import { quotedIdentifier, quotedString } from '@duckdb/node-api';
import { MAX_LINE_BYTES, scanCsv } from './csvScan.ts';
import { globSafe, type OrderDatabase } from './database.ts';
import { dataFault, shorten } from './dataFault.ts';

type FileKind = 'csv' | 'csv.gz' | 'parquet';
/** Column of the file by what it means to a job; undefined where the file has none for it. */
type ColumnNames<Meaning extends string> = { readonly [Name in Meaning]?: string | undefined };

/** An order file that exists and may be read. */
export interface OrderFile {
  /** As the config names it. */
  readonly name: string;
  /** Absolute, links followed. */
  readonly path: string;
  readonly kind: FileKind;
}

/** An order file as SQL: what to select from, and the text of each mapped column. */
export interface OrderTable<Meaning extends string> {
  readonly from: string;
  /** Trimmed text of a mapped column; NULL where the cell is empty or the meaning is not mapped. */
  text(meaning: Meaning): string;
  /** Data rows, where a pass over the file has counted them. */
  readonly rows: number | undefined;
}

const PARQUET_MAGIC = 'PAR1';
const PARQUET_MIN_BYTES = 12;
const COLUMNS_NAMED = 30;

/** Finds a source's file. @throws HansaError InvalidData (when it is missing, no file, unreadable or not of the kind that its name says) */
export async function findOrderFile({ file: name }: { readonly file: string }, baseFolder: string): Promise<OrderFile> {
  const lower = name.toLowerCase();
  const kind: FileKind = lower.endsWith('.parquet') ? 'parquet' : lower.endsWith('.gz') ? 'csv.gz' : 'csv';
  const asked = resolve(baseFolder, name);
  let path: string;
  let sizeBytes: number;
  try {
    path = await realpath(asked);
    const facts = await stat(path);
    if (!facts.isFile()) throw dataFault(`${name} is not a file. Name one order file for each source.`);
    await access(path, constants.R_OK);
    sizeBytes = facts.size;
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code;
    if (code === 'ENOENT' || code === 'ENOTDIR') {
      throw dataFault(
        `${name} does not exist (looked for ${asked}). Correct data.sources in the config; paths count from its folder.`,
      );
    }
    if (code === 'EACCES' || code === 'EPERM' || code === 'ELOOP') {
      throw dataFault(`${name} cannot be read (${code}). Let the account that runs the node read it.`);
    }
    throw error;
  }
  if (sizeBytes === 0) throw dataFault(`${name} is empty. Export the orders again.`);
  if (kind === 'parquet') await assertParquet(path, name, sizeBytes);
  return { name, path, kind };
}

async function assertParquet(path: string, name: string, sizeBytes: number): Promise<void> {
  const file = await open(path, 'r');
  try {
    const magic = async (position: number) =>
      (await file.read(Buffer.alloc(PARQUET_MAGIC.length), 0, PARQUET_MAGIC.length, position)).buffer.toString(
        'latin1',
      );
    const whole =
      sizeBytes >= PARQUET_MIN_BYTES &&
      (await magic(0)) === PARQUET_MAGIC &&
      (await magic(sizeBytes - PARQUET_MAGIC.length)) === PARQUET_MAGIC;
    if (!whole) throw dataFault(`${name} is not a whole Parquet file. Export or copy it again, or name a .csv file.`);
  } finally {
    await file.close();
  }
}

/** Checks a file's form and its columns and says how to select from it. @throws HansaError InvalidData */
export async function openOrderTable<Meaning extends string>(
  database: OrderDatabase,
  file: OrderFile,
  columns: ColumnNames<Meaning>,
  signal?: AbortSignal,
): Promise<OrderTable<Meaning>> {
  const mapped = mappedColumns(columns);
  const wanted = mapped.map(([, column]) => column);
  const path = quotedString(globSafe(file.path));
  if (file.kind === 'parquet') {
    const from = `read_parquet(${path})`;
    const described = await database.rows(`DESCRIBE SELECT * FROM ${from}`).catch((error: unknown) => {
      if (signal?.aborted) throw error;
      throw dataFault(`${file.name} cannot be read as Parquet. Export it again, or name a .csv file.`);
    });
    const names = described.map((row) => String(row.column_name));
    assertColumns(file.name, names, columns);
    return { from, rows: undefined, text: (meaning) => cellText(columns[meaning], quotedIdentifier) };
  }
  const gzip = file.kind === 'csv.gz';
  const scan = await scanCsv(file.path, { name: file.name, gzip, wanted, signal });
  assertColumns(file.name, scan.header, columns);
  const duplicate = wanted.find((column) => scan.header.indexOf(column) !== scan.header.lastIndexOf(column));
  if (duplicate !== undefined) {
    throw dataFault(`${file.name} has two columns named ${shorten(duplicate)}. Rename one of them.`);
  }
  if (scan.rows === 0) {
    throw dataFault(
      `${file.name} has a header and no order lines. Export the orders again, with a longer range of dates.`,
    );
  }
  // The columns are named by their place: a name from the file never becomes SQL.
  const types = scan.header.map((_, index) => `'c${index}': 'VARCHAR'`).join(', ');
  const from =
    `read_csv(${path}, auto_detect = false, header = true, delim = ${quotedString(scan.delimiter)}, quote = '"', escape = '"', ` +
    `compression = '${gzip ? 'gzip' : 'none'}', max_line_size = ${2 * MAX_LINE_BYTES}, columns = {${types}})`;
  return {
    from,
    rows: scan.rows,
    text: (meaning) => cellText(columns[meaning], (column) => `c${scan.header.indexOf(column)}`),
  };
}

function cellText(column: string | undefined, identifier: (column: string) => string): string {
  return column === undefined ? 'CAST(NULL AS VARCHAR)' : `nullif(trim(CAST(${identifier(column)} AS VARCHAR)), '')`;
}

function mappedColumns(columns: ColumnNames<string>): [string, string][] {
  return Object.entries(columns).filter((entry): entry is [string, string] => entry[1] !== undefined);
}

function assertColumns(name: string, present: readonly string[], columns: ColumnNames<string>): void {
  const missing = mappedColumns(columns).filter(([, column]) => !present.includes(column));
  if (missing.length === 0) return;
  const asked = missing.map(([meaning, column]) => `${shorten(column)} (${meaning})`).join(', ');
  const shown = present.slice(0, COLUMNS_NAMED).map(shorten).join(', ');
  const more = present.length > COLUMNS_NAMED ? ` and ${present.length - COLUMNS_NAMED} more` : '';
  throw dataFault(
    `${name} has no column ${asked}. Its columns are ${shown}${more}. Correct data.sources[].columns in the config; upper and lower case count.`,
    { missing: missing.map(([meaning]) => meaning) },
  );
}
