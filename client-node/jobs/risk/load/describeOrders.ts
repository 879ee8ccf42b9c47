import { isoDate } from '../../../data/days.ts';
import type { DataReport } from '../../job.ts';
import { type OrderNames, TOKENS } from '../orders.ts';
import type { OrderCounts, OrderTable } from './orderTable.ts';
import type { Split } from './splitOrders.ts';
import type { TokenCounts } from './textReader.ts';

/** What a merchant's order files hold, as figures. */
export interface RiskFacts {
  /** The league's names of the columns that are mapped. */
  readonly names: OrderNames;
  /** First and last promised day, YYYY-MM-DD. */
  readonly firstPromised: string;
  readonly lastPromised: string;
  readonly validFrom: string;
  readonly testFrom: string;
  readonly orders: { readonly train: number; readonly validation: number; readonly test: number };
  readonly late: { readonly train: number; readonly validation: number; readonly test: number };
  /** Of the texts; there where the configuration names a tokenizer. */
  readonly tokens?: TokenCounts;
  readonly cleaning: OrderCounts;
}

/** Tells a person, and programs, what was read. */
export function describeOrders(
  table: OrderTable,
  split: Split,
  names: OrderNames,
  counts: OrderCounts,
  tokens: TokenCounts | undefined,
): DataReport {
  const ranges = {
    train: [0, split.trainEnd],
    validation: [split.trainEnd, split.validEnd],
    test: [split.validEnd, table.count],
  };
  const each = (of: (from: number, to: number) => number) =>
    Object.fromEntries(
      Object.entries(ranges).map(([name, [from, to]]) => [name, of(from!, to!)]),
    ) as RiskFacts['orders'];
  const orders = each((from, to) => to - from);
  const late = each((from, to) => table.late.subarray(from, to).reduce((sum, is) => sum + is, 0));
  const warnings = warningsFor(orders, late, counts.beforeOrdered);
  const facts: RiskFacts = {
    names,
    firstPromised: isoDate(table.promised[0]!),
    lastPromised: isoDate(table.promised[table.count - 1]!),
    validFrom: isoDate(split.validFrom),
    testFrom: isoDate(split.testFrom),
    orders,
    late,
    ...(tokens !== undefined && { tokens }),
    cleaning: counts,
  };
  const n = (count: number) => count.toLocaleString('en-US');
  const part = (name: keyof typeof orders, to: string) => `${n(orders[name])} to ${to} (${n(late[name])} late)`;
  const listed = (kind: string, of: readonly string[]) => `${kind} ${of.length === 0 ? 'none' : of.join(', ')}`;
  return {
    summary: [
      `${n(table.count)} orders promised from ${facts.firstPromised} to ${facts.lastPromised}; ` +
        [listed('numbers', names.numbers), listed('categories', names.categories), listed('texts', names.texts)].join(
          '; ',
        ),
      `orders: ${part('train', 'train')}, ${part('validation', `validate from ${facts.validFrom}`)}, ${part('test', `test from ${facts.testFrom}`)}`,
    ],
    cleaning: [
      `${n(counts.rowsRead)} lines read, ${n(table.count)} orders used`,
      `duplicates: ${n(counts.duplicatesRemoved)} lines that repeat another one removed`,
      `without an outcome: ${n(counts.withoutOutcome)} orders left out`,
      ...counts.missing
        .filter(({ empty, unread }) => empty + unread > 0)
        .map(
          ({ name, empty, unread }) =>
            `${name}: missing in ${n(empty + unread)} orders (${n(empty)} cells are empty, ${n(unread)} hold no number)`,
        ),
      ...(tokens === undefined ? [] : [tokensSentence(tokens, n)]),
    ],
    findings: warnings.map((sentence) => ({ kind: 'warning', sentence, examples: [] })),
    facts: { ...facts },
  };
}

function tokensSentence({ texts, cut, read, unknown }: TokenCounts, n: (count: number) => string): string {
  const share = read === 0 ? '' : ` (${((100 * unknown) / read).toFixed(1)} %)`;
  return `texts: ${n(read)} tokens read of ${n(texts)} texts, ${n(unknown)} of them${share} unknown to the tokenizer; ${n(cut)} texts are longer than ${TOKENS} tokens and lose their end`;
}

function warningsFor(orders: RiskFacts['orders'], late: RiskFacts['late'], beforeOrdered: number): string[] {
  const warnings: string[] = [];
  if (beforeOrdered > 0) {
    warnings.push(
      `${beforeOrdered.toLocaleString('en-US')} orders were promised for, or delivered on, a day before that of the order: see whether the right columns are mapped.`,
    );
  }
  if (late.train === 0 || late.train === orders.train) {
    warnings.push(
      `Before validFrom ${late.train === 0 ? 'no order was' : 'every order was'} late: what makes orders late cannot be learned from them alone.`,
    );
  }
  if (orders.validation === 0) {
    warnings.push(
      'No order was promised between validFrom and testFrom: learning rates cannot be chosen on this data.',
    );
  }
  if (late.test === 0 || late.test === orders.test) {
    warnings.push('From testFrom on there are not both late orders and orders on time: there is nothing to evaluate.');
  }
  return warnings;
}
