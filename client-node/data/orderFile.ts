import { access, constants, open, readdir, realpath, stat } from 'node:fs/promises';
import { join, parse, resolve } from 'node:path';
import { quotedIdentifier, quotedString } from '@duckdb/node-api';
import { MAX_LINE_BYTES, scanCsv } from './csvScan.ts';
import { globSafe, type OrderDatabase } from './database.ts';
import { dataFault, shorten } from './dataFault.ts';
import { plainText, plainTextSql } from './text.ts';

type FileKind = 'csv' | 'csv.gz' | 'parquet' | 'jsonl' | 'xlsx' | 'sqlite';
/** Column of the file by what it means to a job; undefined where the file has none for it. */
type ColumnNames<Meaning extends string> = { readonly [Name in Meaning]?: string | undefined };

/** An order file that exists and may be read. */
export interface OrderFile {
  /** As the config names it. */
  readonly name: string;
  /** Absolute, links followed. */
  readonly path: string;
  readonly kind: FileKind;
  /** Of a file that is no order file: the key of the configuration that names its columns, and those meanings whose columns it may lack. */
  readonly other?: { readonly mapping: string; readonly mayLack: readonly string[] };
}

/** An order file as SQL: what to select from, and the text of each mapped column. */
export interface OrderTable<Meaning extends string> {
  readonly from: string;
  /** Plain text of a mapped column; NULL where the cell is empty or the meaning is not mapped. */
  text(meaning: Meaning): string;
  /** Rows without a value in any cell, and SQL for whether a row is one; undefined where there is none. */
  readonly emptyRows: { readonly count: number; readonly isEmpty: string } | undefined;
  /** Data rows, where a pass over the file has counted them. */
  readonly rows: number | undefined;
  /** Rows before the first one of data. */
  readonly rowsBefore: number;
  /** What separates the fields of a CSV file. */
  readonly delimiter: string | undefined;
}

const PARQUET_MAGIC = 'PAR1';
const PARQUET_MIN_BYTES = 12;
const COLUMNS_NAMED = 30;

/** Finds a source's file. @throws HansaError InvalidData (when it is missing, no file, unreadable or not of the kind that its name says) */
export async function findOrderFile({ file: name }: { readonly file: string }, baseFolder: string): Promise<OrderFile> {
  const lower = name.toLowerCase();
  const kind = kindOf(lower);
  const asked = await lookalike(resolve(baseFolder, name));
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

/** The only file of the folder whose name looks the same, where there is none of just this name: accents are written in two ways. */
async function lookalike(path: string): Promise<string> {
  const { dir, base } = parse(path);
  const exists = await access(path).then(
    () => true,
    () => false,
  );
  if (exists) return path;
  const beside = await readdir(dir).catch(() => []);
  const same = beside.filter((name) => plainText(name) === plainText(base));
  return same.length === 1 ? join(dir, same[0]!) : path;
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
  const path = quotedString(globSafe(file.path));
  const present = (header: readonly string[]) => {
    const mapped = mappedColumns(columns).filter(
      ([meaning, column]) => file.other?.mayLack.includes(meaning) !== true || header.includes(plainText(column)),
    );
    const wanted = mapped.map(([, column]) => column);
    assertColumns(file, header, mapped);
    assertOnce(file.name, header, wanted);
    return { mapped: Object.fromEntries(mapped), wanted };
  };
  // The columns are named by their place: a name from the file never becomes SQL, nor clashes with one of ours.
  const table = (header: readonly string[], mapped: ColumnNames<string>, from: string) => {
    const text = (meaning: string) => cellText(mapped[meaning], header);
    return { from, text };
  };
  if (file.kind === 'sqlite' || file.kind === 'xlsx')
    throw dataFault(`${file.name} cannot be read here. Export it as CSV or Parquet.`);
  if (file.kind === 'parquet' || file.kind === 'jsonl') {
    const isJson = file.kind === 'jsonl';
    const compression = /\.gz$/i.test(file.path) ? "'gzip'" : "'uncompressed'";
    // Folder names such as item=5 on the way to a Parquet file are no columns of it.
    const read = (more: string) =>
      isJson
        ? `read_json(${path}, format = 'newline_delimited', compression = ${compression}${more})`
        : `read_parquet(${path}, hive_partitioning = false)`;
    const described = await describe(database, read(''), file, isJson ? 'JSON lines' : 'Parquet', signal);
    const names = described.map(({ name }) => name);
    const header = names.map(plainText);
    const { mapped, wanted } = present(header);
    const used = [...new Set(wanted.map((column) => header.indexOf(plainText(column))))];
    for (const at of used) assertPlainType(file.name, header[at]!, described[at]!.type);
    const picked = used.map((at) => `${quotedIdentifier(names[at]!)} AS c${at}`).join(', ');
    // JSON's values as text: what a number looks like is for the mapping to say.
    const types = used.map((at) => `${quotedString(names[at]!)}: 'VARCHAR'`).join(', ');
    return {
      ...table(header, mapped, `(SELECT ${picked} FROM ${read(`, columns = {${types}}`)})`),
      emptyRows: undefined,
      rows: undefined,
      rowsBefore: 0,
      delimiter: undefined,
    };
  }
  const gzip = file.kind === 'csv.gz';
  const wanted = mappedColumns(columns).map(([, column]) => column);
  const scan = await scanCsv(file.path, { name: file.name, gzip, wanted: wanted.map(plainText), signal });
  const { header, delimiter, rows, linesBefore } = scan;
  const { mapped } = present(header);
  if (rows === 0 && file.other !== undefined) throw dataFault(`${file.name} has a header and no lines.`);
  if (rows === 0) {
    throw dataFault(
      `${file.name} has a header and no order lines. Export the orders again, with a longer range of dates.`,
    );
  }
  const types = header.map((_, index) => `'c${index}': 'VARCHAR'`).join(', ');
  // Rows of spaces lack fields, which the database otherwise takes for a fault; the scan has found no other row that does.
  const padding = scan.rowsOfSpaces === 0 ? '' : 'null_padding = true, parallel = false, ';
  const from =
    `read_csv(${path}, auto_detect = false, header = true, skip = ${linesBefore}, delim = ${quotedString(delimiter)}, quote = '"', escape = '"', ` +
    `${padding}compression = '${gzip ? 'gzip' : 'none'}', max_line_size = ${2 * MAX_LINE_BYTES}, columns = {${types}})`;
  const cells = header.map((_, index) => `coalesce(trim(c${index}, E' \\t\\r\\n'), '') = ''`);
  const emptyRows = scan.emptyRows === 0 ? undefined : { count: scan.emptyRows, isEmpty: cells.join(' AND ') };
  return { ...table(header, mapped, from), emptyRows, rows, rowsBefore: linesBefore + 1, delimiter };
}

function kindOf(lower: string): FileKind {
  const plain = lower.replace(/\.gz$/, '');
  if (/\.(jsonl|ndjson)$/.test(plain)) return 'jsonl';
  if (/\.(sqlite|sqlite3|db)$/.test(plain)) return 'sqlite';
  if (plain.endsWith('.xlsx')) return 'xlsx';
  if (plain.endsWith('.parquet')) return 'parquet';
  return plain === lower ? 'csv' : 'csv.gz';
}

/** The columns of a file as the database reads it. */
async function describe(
  database: OrderDatabase,
  read: string,
  { name }: OrderFile,
  kind: string,
  signal: AbortSignal | undefined,
): Promise<{ name: string; type: string }[]> {
  const described = await database.rows(`DESCRIBE SELECT * FROM ${read}`).catch((error: unknown) => {
    if (signal?.aborted) throw error;
    throw dataFault(`${name} cannot be read as ${kind}. Export it again, or name a .csv file.`);
  });
  return described.map((row) => ({ name: String(row.column_name), type: String(row.column_type) }));
}

function cellText(column: string | undefined, header: readonly string[]): string {
  if (column === undefined) return 'CAST(NULL AS VARCHAR)';
  return plainTextSql(`CAST(c${header.indexOf(plainText(column))} AS VARCHAR)`);
}

function assertOnce(name: string, header: readonly string[], wanted: readonly string[]): void {
  const twice = wanted.find((column) => header.indexOf(plainText(column)) !== header.lastIndexOf(plainText(column)));
  if (twice === undefined) return;
  throw dataFault(`${name} has two columns named ${shorten(twice)}. Rename one of them.`);
}

function assertPlainType(name: string, column: string, type: string): void {
  if (!/^(STRUCT|MAP|UNION|BLOB|BIT|GEOMETRY|VARIANT)|\]$/.test(type)) return;
  const holds = type === 'BLOB' || type === 'BIT' ? 'bytes' : 'nested values';
  throw dataFault(
    `${name}, column ${shorten(column)}: holds ${holds} (${type.slice(0, 40)}), not numbers or texts. Map another column, or export this one as plain values.`,
  );
}

function mappedColumns(columns: ColumnNames<string>): [string, string][] {
  return Object.entries(columns).filter((entry): entry is [string, string] => entry[1] !== undefined);
}

function assertColumns(
  { name, other }: OrderFile,
  present: readonly string[],
  mapped: readonly [string, string][],
): void {
  const missing = mapped.filter(([, column]) => !present.includes(plainText(column)));
  if (missing.length === 0) return;
  const asked = missing.map(([meaning, column]) => `${shorten(column)} (${meaning})`).join(', ');
  const shown = present.slice(0, COLUMNS_NAMED).map(shorten).join(', ');
  const more = present.length > COLUMNS_NAMED ? ` and ${present.length - COLUMNS_NAMED} more` : '';
  throw dataFault(
    `${name} has no column ${asked}. Its columns are ${shown}${more}. Correct ${other?.mapping ?? 'data.sources[].columns'} in the config; upper and lower case count.`,
    { missing: missing.map(([meaning]) => meaning) },
  );
}
