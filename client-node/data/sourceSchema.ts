import { z } from 'zod';
import { dateFormatSchema } from './dates.ts';
import { numbersSchema } from './numbers.ts';

/** A day in a configuration. */
export const dateSchema = z.string().refine(isRealDate, 'must be a day from 1950 to 2149 written YYYY-MM-DD');

/** Bytes of memory that reading may take. */
export const maxMemorySchema = z
  .int()
  .min(512 * 1024 ** 2)
  .max(2 ** 46);

/** A column of an order file, by its name there. */
export const columnName = z.string().min(1).max(200);

const ENDINGS = /\.(csv|csv\.gz|parquet|jsonl|ndjson|jsonl\.gz|ndjson\.gz|xlsx|sqlite|sqlite3|db)$/i;

const fileSchema = z
  .string()
  .min(1)
  .max(1000)
  .refine((name) => !name.includes('\0'), 'must not contain a NUL character')
  .refine(
    (name) => ENDINGS.test(name),
    'must end in .csv, .csv.gz, .parquet, .jsonl, .ndjson (or either with .gz), .xlsx, .sqlite, .sqlite3 or .db',
  );

const databaseSchema = z.strictObject({
  kind: z.enum(['postgres', 'mysql']).describe('What kind of server it is'),
  urlVariable: z
    .string()
    .regex(/^[A-Za-z_][A-Za-z0-9_]{0,99}$/, 'must be the name of an environment variable')
    .describe(
      "The environment variable that holds the server's address, with account and password: they stay out of the file",
    ),
});

/** Where a source's rows are. */
export interface SourceLocation {
  readonly file?: string | undefined;
  readonly sheet?: string | undefined;
  readonly database?: z.infer<typeof databaseSchema> | undefined;
  readonly query?: string | undefined;
}

const isSqlite = (file: string | undefined) => file !== undefined && /\.(sqlite|sqlite3|db)$/i.test(file);

/** Schema of one source of rows, whose columns a job names; `from` (first day kept) and `before` (first day no longer kept) cut sources that overlap. */
export const sourceSchemaOf = <Columns extends z.ZodType>(columns: Columns) =>
  z
    .strictObject({
      file: fileSchema
        .optional()
        .describe("CSV, Parquet, JSON lines, an Excel workbook or a SQLite file, relative to the config file's folder"),
      sheet: z.string().min(1).max(200).optional().describe('Of a workbook; the first one without it'),
      database: databaseSchema.optional().describe('A server, in place of a file'),
      query: z
        .string()
        .min(1)
        .max(20_000)
        .optional()
        .describe('The SELECT that gives the rows of a server or a SQLite file'),
      columns: columns.describe('Which column means what; a column that is not named is not read'),
      dateFormat: dateFormatSchema
        .optional()
        .describe('How dates are written, such as DD.MM.YYYY; year, month and day with - or / without it'),
      numbers: numbersSchema.optional().describe('How numbers are written'),
      from: dateSchema.optional().describe('First day that is kept, where sources overlap'),
      before: dateSchema.optional().describe('First day that is no longer kept'),
    })
    .refine(({ file, database }) => (file === undefined) !== (database === undefined), {
      message: 'must name either a file or a database',
      path: ['file'],
      when: ({ value }) => typeof value === 'object' && value !== null,
    })
    .refine(({ file, database, query }) => (query !== undefined) === (database !== undefined || isSqlite(file)), {
      message: 'must be there for a database or a SQLite file, and for nothing else',
      path: ['query'],
    })
    .refine(({ file, sheet }) => sheet === undefined || file?.toLowerCase().endsWith('.xlsx') === true, {
      message: 'is for Excel workbooks (.xlsx)',
      path: ['sheet'],
    })
    .refine(({ from, before }) => from === undefined || before === undefined || from < before, {
      message: 'must be later than from',
      path: ['before'],
      when: ({ value }) => hasDates(value, 'from', 'before'),
    });

/** Whether all of these fields are dates. A refinement of the whole must still run where another field is at fault: all faults are told at once. */
export function hasDates(value: unknown, ...names: string[]): boolean {
  if (typeof value !== 'object' || value === null) return false;
  return names.every((name) => dateSchema.safeParse((value as Record<string, unknown>)[name]).success);
}

function isRealDate(text: string): boolean {
  if (!/^\d{4}-\d{2}-\d{2}$/.test(text)) return false;
  const time = Date.parse(`${text}T00:00:00Z`);
  return Number.isFinite(time) && new Date(time).toISOString().startsWith(text) && text >= '1950' && text < '2150';
}
