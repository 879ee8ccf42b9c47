import type { Finding } from '../../../job.ts';
import { listed } from './listed.ts';

const SCIENTIFIC = /^[0-9](\.[0-9]+)?[eE]\+?[0-9]{1,2}$/;
const FLOAT = /^[0-9]+\.0$/;
const MONTHS = '(Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec)';
const DATE = new RegExp(
  `^([0-9]{1,2}-${MONTHS}(-[0-9]{2,4})?|${MONTHS}-[0-9]{1,4}|[0-9]{4}-[0-9]{2}-[0-9]{2}( 00:00:00)?)$`,
  'i',
);

/**
 * Tells what spreadsheets and data frames do to article numbers and names, and names that look the same.
 *
 * @param kind what the names are of, in the plural: articles, locations
 */
export function damagedNames(names: ReadonlySet<string>, kind: string): Finding[] {
  const all = [...names];
  const findings: Finding[] = [];
  const tell = (found: readonly string[], are: string, advice: string) => {
    if (found.length === 0) return;
    const sentence = `Of ${all.length} names of ${kind} ${found.length === 1 ? 'one is' : `${found.length} are`} ${are}. ${advice}`;
    findings.push({ kind: 'warning', sentence, examples: listed(found) });
  };
  tell(
    all.filter((name) => SCIENTIFIC.test(name)),
    'in scientific notation, to which a spreadsheet shortens numbers',
    `Different ${kind} may have become one. Export the column as text.`,
  );
  tell(
    all.filter((name) => FLOAT.test(name)),
    'with ".0" at the end, where a data frame read numbers as decimals',
    `They are other ${kind} than those without it. Export the column as text.`,
  );
  tell(
    all.filter((name) => DATE.test(name)),
    'written as dates, as which a spreadsheet reads names such as MARCH1',
    'Export the column as text.',
  );
  tell(
    pairs(
      all.filter((name) => /^[0-9]+$/.test(name)),
      (name) => name.replace(/^0+(?=.)/, ''),
    ),
    'with more zeros in front than another, which a spreadsheet takes away',
    `They count as different ${kind}. If they are the same, export the column as text.`,
  );
  tell(
    pairs(all, (name) => name.normalize('NFKC').toLowerCase()),
    'with other capitals, or characters of another width, than another',
    `They count as different ${kind}. If they are the same, write them alike.`,
  );
  return findings;
}

/** Of the names that a key makes the same, each with the first of them. */
function pairs(names: readonly string[], key: (name: string) => string): string[] {
  const firsts = new Map<string, string>();
  return names.flatMap((name) => {
    const first = firsts.get(key(name));
    if (first === undefined) firsts.set(key(name), name);
    return first === undefined ? [] : [`${first} and ${name}`];
  });
}
