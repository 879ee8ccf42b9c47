import { quotedString } from '@duckdb/node-api';

// Marks that no one sees: controls, soft hyphen, zero-width and direction marks, joiners, byte-order mark.
const INVISIBLE: readonly (readonly [from: number, to: number])[] = [
  [0x00, 0x08],
  [0x0e, 0x1f],
  [0x7f, 0x7f],
  [0xad, 0xad],
  [0x200b, 0x200f],
  [0x202a, 0x202e],
  [0x2060, 0x2064],
  [0x2066, 0x2069],
  [0xfeff, 0xfeff],
];
const SPACES: readonly (readonly [from: number, to: number])[] = [
  [0x09, 0x0d],
  [0x20, 0x20],
  [0x85, 0x85],
  [0xa0, 0xa0],
  [0x1680, 0x1680],
  [0x2000, 0x200a],
  [0x2028, 0x2029],
  [0x202f, 0x202f],
  [0x205f, 0x205f],
  [0x3000, 0x3000],
];

/** A character class as both engines spell it: JavaScript's `\u{…}` and the database's `\x{…}`. */
const classOf = (ranges: typeof SPACES, mark: 'u' | 'x') =>
  `[${ranges.map(([from, to]) => `\\${mark}{${from.toString(16)}}-\\${mark}{${to.toString(16)}}`).join('')}]`;

const invisible = new RegExp(classOf(INVISIBLE, 'u'), 'gu');
const spaces = new RegExp(`${classOf(SPACES, 'u')}+`, 'gu');

/** A text as names are compared: Unicode NFC, invisible marks removed, each run of white space one space, none at the ends. */
export function plainText(text: string): string {
  return text.normalize('NFC').replaceAll(invisible, '').replaceAll(spaces, ' ').trim();
}

/**
 * SQL for the same of a cell; NULL where nothing is left. `="0017"`, by which a spreadsheet is told that a number is a text, is that text.
 */
export function plainTextSql(cell: string): string {
  const cleaned =
    `trim(regexp_replace(regexp_replace(nfc_normalize(${cell}), ${quotedString(classOf(INVISIBLE, 'x'))}, '', 'g'), ` +
    `${quotedString(`${classOf(SPACES, 'x')}+`)}, ' ', 'g'))`;
  const unguarded = (text: string) => `regexp_replace(${text}, '^="(.*)"$', '\\1')`;
  // Most cells are plain already: the test costs less than the cleaning.
  return `nullif(CASE WHEN regexp_full_match(${cell}, '[!-<>-~][!-~]*( [!-~]+)*') THEN ${cell} ELSE ${unguarded(cleaned)} END, '')`;
}

/** How programs write that a value is missing. `NA` is not among them: it is a country. */
const MISSING = [
  'null',
  '(null)',
  '<null>',
  '[null]',
  '\\n',
  'nan',
  'nat',
  'none',
  'n/a',
  '#n/a',
  '<na>',
  '#null!',
  '#ref!',
  '#value!',
  '#name?',
  '#num!',
  '#div/0!',
];
const LONGEST_MISSING = Math.max(...MISSING.map((word) => word.length));

/** SQL for whether a text is a word for a missing value. */
export const missingWordSql = (text: string): string =>
  `CASE WHEN length(${text}) <= ${LONGEST_MISSING} THEN lower(${text}) IN (${MISSING.map(quotedString).join(', ')}) ELSE false END`;

/** SQL for the text; NULL where it is a word for a missing value. */
export const knownTextSql = (text: string): string => `CASE WHEN NOT ${missingWordSql(text)} THEN ${text} END`;
