import { quotedString } from '@duckdb/node-api';
import { z } from 'zod';

/** Schema of a source's `numbers`: how they are written. */
export const numbersSchema = z
  .strictObject({
    decimal: z.enum(['.', ',']).default('.').describe('What stands before the decimals'),
    thousands: z
      .enum([',', '.', ' ', "'"])
      .optional()
      .describe('What stands between thousands; nothing when left out. A space stands for all kinds of spaces'),
  })
  .refine(({ decimal, thousands }) => decimal !== thousands, {
    message: 'must differ from decimal',
    path: ['thousands'],
  });
export type NumberReading = z.output<typeof numbersSchema>;

const PLAIN = String.raw`[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]{1,3})?`;
const USUAL: NumberReading = { decimal: '.' };

const digitsFrom = (zero: number) =>
  Array.from({ length: 10 }, (_, digit) => String.fromCodePoint(zero + digit)).join('');
/** Full width, Arabic and Persian digits; minus signs of typesetters; full-width signs; a curly apostrophe. */
const UNUSUAL = `${digitsFrom(0xff10)}${digitsFrom(0x0660)}${digitsFrom(0x06f0)}−–－＋．，’`;
const AS_USUAL = `012345678901234567890123456789---+.,'`;

/**
 * SQL for the number that the text of a cell is; NULL where it is none. Read as well: full-width and Arabic digits; a minus behind the number, of another
 * sign, or as parentheses; an apostrophe before it, by which a spreadsheet marks a text.
 */
export function numberSql(text: string, reading: NumberReading = USUAL): string {
  const steps: ((before: string) => string)[] = [
    (before) => `translate(${before}, ${quotedString(UNUSUAL)}, ${quotedString(AS_USUAL)})`,
    (before) => `regexp_replace(${before}, '^''', '')`,
    (before) => `regexp_replace(${before}, '^\\((.*)\\)$', '-\\1')`,
    (before) => `regexp_replace(${before}, '^([^-+].*)-$', '-\\1')`,
  ];
  const { decimal, thousands } = reading;
  if (thousands !== undefined) {
    const grouped = `^[+-]?([0-9]{1,3}([${thousands}][0-9]{3})+|[0-9]*)([${decimal}][0-9]*)?$`;
    steps.push(
      (before) => `regexp_extract(${before}, ${quotedString(grouped)})`,
      (before) => `replace(${before}, ${quotedString(thousands)}, '')`,
    );
  }
  if (decimal === ',') steps.push((before) => `translate(${before}, ',.', '.,')`);
  steps.push((before) => `regexp_extract(${before}, '^${PLAIN}$')`);
  const read = `TRY_CAST(nullif(${steps.reduce((before, step) => step(before), text)}, '') AS DOUBLE)`;
  // A plain number needs none of this, where a point can mean nothing else.
  if (decimal === ',' || thousands === '.') return read;
  return `CASE WHEN regexp_full_match(${text}, '${PLAIN}') THEN TRY_CAST(${text} AS DOUBLE) ELSE ${read} END`;
}

/** SQL for whether a number with a point may be thousands where a decimal comma is usual. */
export const eitherNumberSql = (text: string): string =>
  `coalesce(regexp_full_match(${text}, '[+-]?[1-9][0-9]{0,2}([.][0-9]{3})+'), false)`;

const READINGS: readonly NumberReading[] = [
  { decimal: ',' },
  { decimal: '.', thousands: ',' },
  { decimal: '.', thousands: ' ' },
  { decimal: '.', thousands: "'" },
  { decimal: ',', thousands: '.' },
  { decimal: ',', thousands: ' ' },
];

/** A reading as the configuration has it. */
const written = ({ decimal, thousands }: NumberReading) =>
  JSON.stringify({ ...(decimal === ',' && { decimal }), ...(thousands !== undefined && { thousands }) });

/**
 * What to do about numbers in another form: the readings that take every cell; undefined where none does.
 *
 * @param read whether a reading reads every cell of the column, and what it makes of the first one at fault
 */
export async function adviseNumbers(
  read: (reading: NumberReading) => Promise<{ every: boolean; first: number | undefined }>,
): Promise<string | undefined> {
  const told = new Map<number, string>();
  for (const reading of READINGS) {
    const { every, first } = await read(reading);
    if (every && first !== undefined && !told.has(first)) told.set(first, written(reading));
  }
  if (told.size === 0) return undefined;
  const ways = [...told].map(([value, reading]) => `${reading} reads it as ${value}`);
  return `Say how numbers are written in data.sources[].numbers: ${ways.join(', ')}.`;
}
