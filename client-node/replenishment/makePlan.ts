import { HansaError } from '@hansa/shared/errors';
import { shorten } from '../data/dataFault.ts';
import type { SeriesForecast } from '../forecasting/seriesForecast.ts';
import { abcClasses, type XyzClass, xyzClass } from './classes.ts';
import type { ReplenishmentConfig } from './config.ts';
import { type Limit, shareOut } from './limit.ts';
import { type ExceptionKind, exceptionKinds, type Plan, type PlanRow, type PlanSummary } from './planRow.ts';
import { type PreviousOrder, type Proposal, propose } from './proposal.ts';
import { positionOf, type StockLine, stockKey, stockLineOf } from './stockLine.ts';

export interface PlanOptions {
  readonly config: ReplenishmentConfig;
  /** A service level for all items, instead of theirs. */
  readonly serviceLevel?: number | undefined;
  readonly limit?: Limit | undefined;
  /** Orders of the plan before, by stockKey. */
  readonly previous?: ReadonlyMap<string, PreviousOrder> | undefined;
}

type Named = Pick<SeriesForecast, 'item' | 'location' | 'name'>;

/** A series' proposal with what the plan as a whole needs of its forecast. */
interface Considered {
  readonly name: string;
  readonly xyz: XyzClass;
  readonly proposal: Proposal;
}

/**
 * Plans all items: a proposal for each, the limit shared out among them, classes, and what needs a person first. Forecasts are read one by one and not kept.
 *
 * @param stock by stockKey; undefined where the stock is what the order files told, in the forecasts
 * @throws HansaError InvalidData (when the stock of no forecast is known, or a budget is to be shared out and unit costs are missing)
 */
export async function makePlan(
  forecasts: AsyncIterable<SeriesForecast>,
  stock: ReadonlyMap<string, StockLine> | undefined,
  { config, serviceLevel, limit, previous }: PlanOptions,
): Promise<Plan> {
  const considered: Considered[] = [];
  const withoutStock: Named[] = [];
  const left = new Map(stock);
  let firstDay: string | undefined;
  for await (const forecast of forecasts) {
    firstDay ??= forecast.periods[0];
    const key = stockKey(forecast);
    const line = stock === undefined ? toldOf(forecast, config) : left.get(key);
    left.delete(key);
    if (line === undefined)
      withoutStock.push({ item: forecast.item, location: forecast.location, name: forecast.name });
    else {
      const proposal = propose(forecast, line, config, { asked: serviceLevel, previous: previous?.get(key) });
      considered.push({ name: forecast.name, xyz: xyzClass(forecast.history), proposal });
    }
  }
  if (considered.length === 0 && withoutStock.length > 0)
    throw stock === undefined ? noStock() : noMatch(withoutStock[0]!);
  const orders = share(considered, limit);
  const abcBy = considered.every(({ proposal }) => proposal.line.unitCost !== undefined) ? 'value' : 'units';
  const classes = abcClasses(
    considered.map(({ proposal: { dailyDemand, line } }) => dailyDemand * (abcBy === 'value' ? line.unitCost! : 1)),
  );
  const ranks = ranksOf(considered, orders, limit);
  const rows = [
    ...considered.map((one, at) => rowOf(one, orders[at]!, ranks[at]!, { abc: classes[at]!, config })),
    ...withoutStock.map((forecast) => bareRow(forecast, undefined)),
    ...[...left.values()].map((line) => bareRow({ ...line, name: nameOf(line) }, line)),
  ].sort(byUrgency);
  return { rows, firstDay, summary: summaryOf(rows, abcBy) };
}

/** What the order files told of a series' stock. */
function toldOf({ item, location, stock }: SeriesForecast, config: ReplenishmentConfig): StockLine | undefined {
  return stock === null ? undefined : stockLineOf({ item, location, onHand: stock }, config);
}

const noStock = () =>
  new HansaError(
    'InvalidData',
    'The order files tell no stock of the last four weeks. Name a stock file with --stock, or map its column in the order files (data.sources[].columns.stock).',
  );

function noMatch({ name, location }: Named): HansaError {
  const places = location === '' ? '' : ' and location';
  return new HansaError(
    'InvalidData',
    `No line of the stock file has an item${places} of the forecast, such as ${shorten(name)}. Write items${places} as in the order files.`,
  );
}

/** What a unit takes of the limit. */
const eachOf = ({ line }: Proposal, limit: Limit | undefined): number =>
  limit?.kind === 'capacity' ? line.size : (line.unitCost ?? Number.NaN);

/** Units to order of each, within the limit. */
function share(considered: readonly Considered[], limit: Limit | undefined): number[] {
  const wanted = considered.map(({ proposal }) => proposal.order);
  if (limit === undefined) return wanted;
  const without = considered.filter(
    ({ proposal }) => proposal.order > 0 && !(proposal.target.inMoney && eachOf(proposal, limit) > 0),
  );
  if (without.length > 0) {
    throw new HansaError(
      'InvalidData',
      `${without.length} of ${wanted.filter((order) => order > 0).length} orders have no unit cost, so that a ${limit.kind} cannot be shared out by what each saves. Fill the column unitCost of the stock file.`,
    );
  }
  return shareOut(
    considered.map(({ proposal }) => ({ steps: proposal.steps, each: eachOf(proposal, limit) })),
    limit.amount,
  );
}

const gainOf = ({ steps }: Proposal): number => steps.reduce((sum, { gain }) => sum + gain, 0);

/** The places of the orders that were wanted, by what they save for what they take: of the limit, else of money, else for each unit. */
function ranksOf(
  considered: readonly Considered[],
  orders: readonly number[],
  limit: Limit | undefined,
): (number | null)[] {
  const worth = considered.map(({ proposal }) => {
    const each = eachOf(proposal, limit);
    return gainOf(proposal) / (proposal.order * (each > 0 ? each : 1));
  });
  const ranks = new Array<number | null>(considered.length).fill(null);
  orders
    .map((_, at) => at)
    .filter((at) => considered[at]!.proposal.order > 0)
    .sort((a, b) => worth[b]! - worth[a]! || a - b)
    .forEach((at, place) => {
      ranks[at] = place + 1;
    });
  return ranks;
}

function rowOf(
  { name, xyz, proposal }: Considered,
  order: number,
  rank: number | null,
  { abc, config }: { abc: PlanRow['abc']; config: ReplenishmentConfig },
): PlanRow {
  const { line, target, position, coverDays, expectedDemand, orderUpTo } = proposal;
  const orderCost = line.unitCost === undefined ? null : order * line.unitCost;
  const gain = target.inMoney ? gainOfUnits(proposal, order) : null;
  return {
    item: line.item,
    location: line.location,
    name,
    exceptions: exceptionsOf(proposal, order, config),
    rank,
    order,
    wanted: proposal.order,
    orderCost: exact(orderCost),
    orderBy: proposal.orderBy ?? null,
    state: proposal.state,
    onHand: line.onHand,
    onOrder: line.onOrder,
    backorders: line.backorders,
    position: exact(position),
    coverDays: rounded(coverDays),
    expectedDemand: rounded(expectedDemand),
    orderUpTo: rounded(orderUpTo),
    serviceLevel: rounded(target.level),
    levelFrom: target.from,
    runOutChance: Number(proposal.runOutChance.toFixed(6)),
    excess: rounded(proposal.excess),
    gain: rounded(gain),
    gainPerMoney: gain === null || orderCost === null || orderCost === 0 ? null : rounded(gain / orderCost),
    abc,
    xyz,
    kept: proposal.kept && order === proposal.order,
  };
}

/** What the first `units` of an order save. */
function gainOfUnits({ steps }: Proposal, units: number): number {
  let [sum, left] = [0, units];
  for (const step of steps) {
    if (left <= 0) break;
    sum += step.gain;
    left -= step.units;
  }
  return sum;
}

function exceptionsOf(proposal: Proposal, order: number, config: ReplenishmentConfig): ExceptionKind[] {
  const { line, target, position, dailyDemand, orderUpTo } = proposal;
  const highFrom = orderUpTo + config.highDays * dailyDemand;
  const found: Partial<Record<ExceptionKind, boolean>> = {
    soldOut: dailyDemand > 0 && line.onHand - line.backorders <= 0,
    runsOut: proposal.runOutChance > 1 - target.level + 1e-9,
    cut: order < proposal.order,
    largeLot: order > 0 && position + order > highFrom,
    beyondForecast: proposal.beyondForecast,
    overstock: proposal.state === 'high',
  };
  return exceptionKinds.filter((kind) => found[kind] === true);
}

/** The row of an item of which only the forecast, or only the stock, is known. */
function bareRow({ item, location, name }: Named, line: StockLine | undefined): PlanRow {
  return {
    item,
    location,
    name,
    exceptions: [line === undefined ? 'noStock' : 'noForecast'],
    rank: null,
    order: 0,
    wanted: 0,
    orderCost: null,
    orderBy: null,
    state: null,
    onHand: line?.onHand ?? null,
    onOrder: line?.onOrder ?? null,
    backorders: line?.backorders ?? null,
    position: line === undefined ? null : exact(positionOf(line)),
    coverDays: null,
    expectedDemand: null,
    orderUpTo: null,
    serviceLevel: null,
    levelFrom: null,
    runOutChance: null,
    excess: 0,
    gain: null,
    gainPerMoney: null,
    abc: null,
    xyz: null,
    kept: false,
  };
}

const nameOf = ({ item, location }: StockLine): string => (location === '' ? item : `${item} · ${location}`);

const toDigits =
  (digits: number) =>
  <Value extends number | null>(value: Value): Value =>
    (value === null ? null : Number(value.toPrecision(digits))) as Value;
/** Six digits: more than any forecast is worth. */
const rounded = toDigits(6);
/** What was counted, without what binary fractions add. */
const exact = toDigits(12);

function byUrgency(a: PlanRow, b: PlanRow): number {
  const worst = ({ exceptions: [first] }: PlanRow) =>
    first === undefined ? exceptionKinds.length : exceptionKinds.indexOf(first);
  const place = ({ rank }: PlanRow) => rank ?? Number.MAX_SAFE_INTEGER;
  return worst(a) - worst(b) || place(a) - place(b) || (a.name < b.name ? -1 : a.name > b.name ? 1 : 0);
}

function summaryOf(rows: readonly PlanRow[], abcBy: 'value' | 'units'): PlanSummary {
  const orders = rows.filter(({ order }) => order > 0);
  const states = { low: 0, ok: 0, high: 0 };
  const exceptions = Object.fromEntries(exceptionKinds.map((kind) => [kind, 0])) as Record<ExceptionKind, number>;
  for (const row of rows) {
    if (row.state !== null) states[row.state] += 1;
    for (const kind of row.exceptions) exceptions[kind] += 1;
  }
  const known = orders.every(({ orderCost }) => orderCost !== null);
  return {
    series: rows.length,
    orders: orders.length,
    orderCost: known ? exact(orders.reduce((sum, { orderCost }) => sum + orderCost!, 0)) : null,
    states,
    exceptions,
    kept: rows.filter(({ kept }) => kept).length,
    abcBy,
  };
}
