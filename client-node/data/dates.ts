import { quotedString } from '@duckdb/node-api';
import { z } from 'zod';

/** How the dates of a source are written, and where days begin. */
export interface DateReading {
  /** Such as DD.MM.YYYY; year, month and day with - or / between them when undefined. */
  readonly format?: string | undefined;
  /** IANA name; instants are then days there. When undefined a date counts as it is written. */
  readonly timeZone?: string | undefined;
}

/** What stands for a part of a date: the pattern of its text, and what the database's parser calls it. */
const TOKENS: Readonly<Record<string, readonly [pattern: string, directive: string]>> = {
  YYYY: ['[0-9]{4}', '%Y'],
  MMM: ['[A-Za-z]{3}', '%b'],
  MM: ['[0-9]{1,2}', '%m'],
  DD: ['[0-9]{1,2}', '%d'],
  GGGG: ['[0-9]{4}', '%G'],
  WW: ['[0-9]{2}', '%V'],
  E: ['[1-7]', '%u'],
  YY: ['[0-9]{2}', '%y'],
};
const TOKEN = /YYYY|GGGG|MMM|MM|DD|WW|YY|E/g;
const TIME =
  '([ T][0-9]{1,2}:[0-9]{2}(:[0-9]{2}([.,][0-9]+)?)?( ?[AaPp][.]?[Mm][.]?)?( ?(Z|UTC|GMT|[+-][0-9]{2}(:?[0-9]{2})?))?)?';
const USUAL_DATE = '[0-9]{4}[-/][0-9]{1,2}[-/][0-9]{1,2}';

/** Forms that a refusal tries out. */
const COMMON_FORMATS = [
  'DD/MM/YYYY',
  'MM/DD/YYYY',
  'DD.MM.YYYY',
  'DD-MM-YYYY',
  'MM-DD-YYYY',
  'YYYY.MM.DD',
  'YYYY-DD-MM',
  'YYYYMMDD',
  'DD-MMM-YYYY',
  'DD MMM YYYY',
  'YYYY年MM月DD日',
  'GGGG-WWW-E',
  'DD/MM/YY',
  'MM/DD/YY',
  'DD.MM.YY',
];

const tokensOf = (format: string) => format.replace('WWW', 'W\0WW').match(TOKEN) ?? [];

/** Schema of a source's `dateFormat`. */
export const dateFormatSchema = z
  .string()
  .max(40)
  .refine((format) => {
    const tokens = tokensOf(format).sort().join();
    return ['DD,MM,YYYY', 'DD,MMM,YYYY', 'DD,MM,YY', 'DD,MMM,YY', 'E,GGGG,WW'].includes(tokens);
  }, 'must hold year, month and day once each: YYYY (or YY), MM (or MMM for Jan, Feb …) and DD, with what stands between them, such as DD.MM.YYYY; or GGGG-WWW-E for ISO weeks')
  .refine((format) => !/['"\\%\0]/.test(format), 'must not hold quotes, % or \\');

/** Schema of a time zone by its IANA name. */
export const timeZoneSchema = z
  .string()
  .max(64)
  .refine(
    (zone) => /^[A-Za-z0-9_+/-]+$/.test(zone) && isTimeZone(zone),
    'must be a time zone such as Europe/Berlin or UTC',
  );

function isTimeZone(zone: string): boolean {
  try {
    new Intl.DateTimeFormat('en', { timeZone: zone });
    return true;
  } catch {
    return false;
  }
}

/** The pattern of a format's dates, and the directives that the database parses them by. */
function parserOf(format: string): { pattern: string; directives: string } {
  // Without anything between the numbers each has all its digits.
  const solid = format.replace(TOKEN, '') === '';
  // ISO's week is written W01: the letter first, then its two digits.
  const marked = format.replace('WWW', 'W\0');
  const parts = marked.split(/(YYYY|GGGG|MMM|MM|DD|WW|YY|E|\0)/).filter((part) => part !== '');
  const known = (part: string) => (part === '\0' ? TOKENS.WW : TOKENS[part]);
  return {
    pattern: parts
      .map(
        (part) => known(part)?.[0].replace('{1,2}', solid ? '{2}' : '{1,2}') ?? part.replace(/[^\p{L}\p{N}]/gu, '[$&]'),
      )
      .join(''),
    directives: parts.map((part) => known(part)?.[1] ?? part).join(''),
  };
}

/** SQL for the DATE that the text of a cell is; NULL where it is none. A time of day may follow; it counts only where instants become days of a time zone. */
export function dateSql(text: string, { format, timeZone }: DateReading = {}): string {
  const { pattern, directives } =
    format === undefined ? { pattern: USUAL_DATE, directives: undefined } : parserOf(format);
  const written =
    directives === undefined
      ? `TRY_CAST(replace(regexp_extract(${text}, '^[0-9]{4}.[0-9]{1,2}.[0-9]{1,2}'), '/', '-') AS DATE)`
      : `CAST(try_strptime(regexp_extract(${text}, ${quotedString(`^${pattern}`)}), ${quotedString(directives)}) AS DATE)`;
  const day = timeZone === undefined ? written : dayInZone(text, written, timeZone);
  // A plain date needs no pattern.
  const plain =
    directives === undefined
      ? `WHEN length(${text}) = 10 AND ${text}[5] IN ('-', '/') THEN TRY_CAST(${text} AS DATE)`
      : '';
  return `CASE ${plain} WHEN regexp_full_match(${text}, ${quotedString(pattern + TIME)}) THEN ${day} END`;
}

const ZONE = '(Z|UTC|GMT|[+-][0-9]{2}(:?[0-9]{2})?)$';

/** SQL for the day in a time zone of an instant, a date with a time and Z, UTC, GMT or an offset; of anything else the day as it is written. */
function dayInZone(text: string, written: string, timeZone: string): string {
  const part = (pattern: string, group: number) =>
    `coalesce(TRY_CAST(nullif(regexp_extract(${text}, '${pattern}', ${group}), '') AS INTEGER), 0)`;
  const clock = '[ T]([0-9]{1,2}):([0-9]{2})';
  const half = `regexp_extract(${text}, '[0-9] ?([AaPp])[.]?[Mm]', 1)`;
  const hour = `CASE WHEN ${half} = '' THEN ${part(clock, 1)} ELSE ${part(clock, 1)} % 12 + CASE WHEN lower(${half}) = 'p' THEN 12 ELSE 0 END END`;
  const offset =
    `CASE WHEN regexp_matches(${text}, '-[0-9]{2}(:?[0-9]{2})?$') THEN -1 ELSE 1 END * ` +
    `(60 * ${part('[+-]([0-9]{2}):?([0-9]{2})?$', 1)} + ${part('[+-][0-9]{2}:?([0-9]{2})$', 1)})`;
  const utc = `CAST(${written} AS TIMESTAMP) + to_minutes(60 * (${hour}) + ${part(clock, 2)} - (${offset}))`;
  return `CASE WHEN regexp_matches(${text}, ':[0-9]{2}.*${ZONE}')
    THEN CAST(timezone(${quotedString(timeZone)}, timezone('UTC', ${utc})) AS DATE) ELSE ${written} END`;
}

/**
 * SQL for whether a text is an instant in UTC that may be another day where the merchant is. Midnight and noon of the merchant's own are the usual times
 * where days were turned into instants: before 10:00 UTC both lie on the same day everywhere.
 */
export const uncertainDaySql = (text: string): string =>
  `CASE WHEN length(${text}) > 10 THEN regexp_matches(${text}, '([ T](1[0-9]|2[0-3]):[0-9]{2}| ?[Pp][.]?[Mm]).*(Z|UTC|GMT|[+-]00(:?00)?)$') ELSE false END`;

/** SQL for whether a time of day other than midnight follows a date. */
export const hasTimeSql = (text: string): string =>
  `CASE WHEN length(${text}) > 10 THEN regexp_matches(regexp_extract(${text}, '[ T]([0-9:]+)', 1), '[1-9]') ELSE false END`;

/** SQL for whether a DATE lies outside the years that are taken, or is no date at all. */
export const noDaySql = (day: string): string =>
  `${day} IS NULL OR ${day} < DATE '1950-01-01' OR ${day} >= DATE '2150-01-01'`;

export const noDay = {
  says: 'is no date from 1950 to 2149',
  remedy:
    'Write dates as YYYY-MM-DD; a time of day may follow. For dates in another form set data.sources[].dateFormat.',
};

/**
 * What to do about dates in another form: the formats that read nearly all of them; undefined where none does.
 *
 * @param shareRead what share, 0..1, of a column's cells is a date in a format
 */
export async function adviseDateFormat(shareRead: (format: string) => Promise<number>): Promise<string | undefined> {
  const fitting: string[] = [];
  for (const format of COMMON_FORMATS) if ((await shareRead(format)) >= 0.95) fitting.push(format);
  if (fitting.length === 0) return undefined;
  const named = fitting.slice(0, 3).map((format) => `"${format}"`);
  return `These dates look like ${named.join(' or ')}: set data.sources[].dateFormat to ${named.length === 1 ? 'it' : 'the right one'}.`;
}
