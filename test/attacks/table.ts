import type { Defence } from './defences.ts';

/** One variant of an attack with all defences in place. */
export interface AttackResult {
  readonly row: number;
  readonly name: string;
  readonly attack: string;
  readonly variant: string;
  /** What the victim did: a named error, or what it did instead. */
  readonly did: string;
  readonly expected: string;
  /** `no`, or what the attacker has and may not have. */
  readonly leaked: string;
  readonly pass: boolean;
}

/** One variant with some defences gone. */
export interface RemovalResult {
  readonly row: number;
  readonly name: string;
  readonly variant: string;
  readonly without: readonly Defence[];
  /** Whether these are all the defences that let it through, or one of several. */
  readonly together: boolean;
  /** What the attacker then has, or what stopped it all the same. */
  readonly came: string;
  readonly expected: string;
  readonly pass: boolean;
}

export interface AttacksDocument {
  readonly pass: boolean;
  readonly attacks: readonly AttackResult[];
  readonly removals: readonly RemovalResult[];
}

export const judge = (attacks: readonly AttackResult[], removals: readonly RemovalResult[]): AttacksDocument => ({
  pass: [...attacks, ...removals].every(({ pass }) => pass),
  attacks,
  removals,
});

/** The widest that a line may be, in columns. */
const width = 120;

/** The tables for a terminal: attacks with all defences in place, then what happens without some. */
export function renderTable({ attacks, removals, pass }: AttacksDocument): string {
  const lines: string[] = ['', 'WITH ALL DEFENCES', line(['', 'variant', 'what the victim did', 'leaked'])];
  let row = 0;
  for (const one of attacks) {
    if (one.row !== row) lines.push(`${String(one.row).padStart(2)}  ${one.name}: ${one.attack}`);
    row = one.row;
    lines.push(line([mark(one.pass), one.variant, one.did, one.leaked]));
    if (!one.pass && one.did !== one.expected) lines.push(`      expected: ${one.expected}`);
  }
  lines.push('', 'WITHOUT SOME', line(['', 'variant, and what is taken away', 'what came of it', '']));
  let last = '';
  for (const one of removals) {
    const title = `${String(one.row).padStart(2)}  ${one.name}: ${one.variant}`;
    if (title !== last) lines.push(title);
    last = title;
    const gone = one.together ? one.without.join(' + ') : `${one.without[0]} alone`;
    lines.push(line([mark(one.pass), gone, one.came, '']));
    if (!one.pass) lines.push(`      expected: ${one.expected}`);
  }
  const failed = [...attacks, ...removals].filter((one) => !one.pass).length;
  const refused = attacks.filter((one) => one.pass).length;
  const rowsSeen = new Set(attacks.map((one) => one.row)).size;
  lines.push(
    '',
    `${rowsSeen} rows, ${attacks.length} variants: ${refused} held off, nothing leaked. ${removals.length} removals: ${removals.filter((one) => one.pass).length} as the table says.`,
    pass ? 'The defences hold.' : `${failed} did not come out as they should.`,
    '',
  );
  return lines.join('\n');
}

const mark = (pass: boolean): string => (pass ? 'ok' : 'NO');

const columns = [4, 76, 30, 10];

/** One line of cells; what is too long for its column goes on in the next line. */
function line(cells: readonly string[]): string {
  const wrapped = cells.map((cell, at) => wrap(cell, columns[at]! - 2));
  const height = Math.max(...wrapped.map(({ length }) => length));
  return Array.from({ length: height }, (_, at) =>
    wrapped
      .map((parts, column) => (parts[at] ?? '').padEnd(columns[column]!))
      .join('')
      .trimEnd()
      .slice(0, width),
  ).join('\n');
}

function wrap(text: string, size: number): string[] {
  const lines: string[] = [];
  let current = '';
  for (const word of text.split(/\s+/)) {
    if (current !== '' && current.length + 1 + word.length > size) {
      lines.push(current);
      current = '';
    }
    current = current === '' ? word : `${current} ${word}`;
  }
  return [...lines, current];
}
