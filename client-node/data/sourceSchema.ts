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

const fileSchema = z
  .string()
  .min(1)
  .max(1000)
  .refine((name) => !name.includes('\0'), 'must not contain a NUL character')
  .refine((name) => /\.(csv|csv\.gz|parquet)$/i.test(name), 'must end in .csv, .csv.gz or .parquet');

/** Schema of one order file, whose columns a job names; `from` (first day kept) and `before` (first day no longer kept) cut files that overlap. */
export const sourceSchemaOf = <Columns extends z.ZodType>(columns: Columns) =>
  z
    .strictObject({
      /** .csv, .csv.gz or .parquet, relative to the config file's folder. */
      file: fileSchema,
      columns,
      dateFormat: dateFormatSchema.optional(),
      numbers: numbersSchema.optional(),
      from: dateSchema.optional(),
      before: dateSchema.optional(),
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
