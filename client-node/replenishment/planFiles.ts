import { csvCell } from '../data/csvCell.ts';
import type { Plan, PlanRow } from './planRow.ts';
import { type PlanLanguage, reasonOf } from './words.ts';

/** Columns of a plan's table, what a person acts on first. */
const columns = [
  'item',
  'location',
  'order',
  'orderBy',
  'exceptions',
  'state',
  'reason',
  'rank',
  'wanted',
  'orderCost',
  'onHand',
  'onOrder',
  'backorders',
  'position',
  'coverDays',
  'expectedDemand',
  'orderUpTo',
  'serviceLevel',
  'levelFrom',
  'runOutChance',
  'excess',
  'gain',
  'gainPerMoney',
  'abc',
  'xyz',
  'kept',
] as const satisfies readonly (keyof PlanRow | 'reason')[];

/** A plan as CSV (RFC 4180), in pieces; an unknown value is an empty cell. */
export function* planCsv({ rows }: Plan, language: PlanLanguage): Generator<string> {
  yield `${columns.join(',')}\r\n`;
  for (const row of rows) {
    const full = { ...row, exceptions: row.exceptions.join(' '), reason: reasonOf(row, language) };
    const cells = columns.map((name) => {
      const value = full[name];
      return typeof value === 'string' ? csvCell(value) : value === null ? '' : String(value);
    });
    yield `${cells.join(',')}\r\n`;
  }
}

/** A plan as one JSON document, in pieces. */
export function* planJson({ rows, firstDay, summary }: Plan, language: PlanLanguage): Generator<string> {
  yield `{"firstDay":${JSON.stringify(firstDay ?? null)},"summary":${JSON.stringify(summary)},"rows":[`;
  let before = '\n';
  for (const row of rows) {
    yield `${before}${JSON.stringify({ ...row, reason: reasonOf(row, language) })}`;
    before = ',\n';
  }
  yield '\n]}\n';
}
