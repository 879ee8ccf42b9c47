import { dayNumber, isoDate } from '../data/days.ts';
import type { SeriesForecast } from '../forecasting/seriesForecast.ts';
import type { ReplenishmentConfig } from './config.ts';
import { type DemandToDate, demandToDate } from './demandToDate.ts';
import { type Distribution, mixtureOf } from './distribution.ts';
import { leadTimes } from './leadTimes.ts';
import { orderBelow, orderQuantity } from './orderQuantity.ts';
import { orderSteps, type Step } from './orderSteps.ts';
import { positionOf, type StockLine } from './stockLine.ts';
import { expectedCost, type Target, targetOf } from './target.ts';

/** What was proposed for an item before, and what was on order then. */
export interface PreviousOrder {
  readonly order: number;
  readonly onOrder: number;
}

/** What to do about one item at one location; units unless said otherwise. */
export interface Proposal {
  readonly line: StockLine;
  readonly target: Target;
  readonly position: number;
  /** Lead time and review period. */
  readonly coverDays: number;
  /** Expected demand in that time, and a day of it. */
  readonly expectedDemand: number;
  readonly dailyDemand: number;
  /** Demand in that time that the target level covers: what the position is to be raised to. */
  readonly orderUpTo: number;
  /** `low`: the position does not cover that demand. `high`: it is more than the days of the configuration above it. */
  readonly state: 'low' | 'ok' | 'high';
  readonly order: number;
  /** Whether it is the order of the plan before, which another one does not beat by enough. */
  readonly kept: boolean;
  /** The order in parts, each with what it saves. */
  readonly steps: readonly Step[];
  /** Last day, YYYY-MM-DD, on which an order is in time at the target level; undefined where that is after the forecast's end. */
  readonly orderBy: string | undefined;
  /** Probability, 0..1, that the position is sold before an order of the first day arrives. */
  readonly runOutChance: number;
  /** Units above what makes stock high; 0 where it is not. */
  readonly excess: number;
  /** Whether lead time and review period end after the forecast. */
  readonly beyondForecast: boolean;
}

/**
 * Proposes an order for one item: its position is raised to the quantile, at the target level, of its demand over lead time and review period.
 *
 * The stock is taken to be that of the morning of the forecast's first day, and what is on order to arrive before an order of that day would.
 *
 * @param asked service level for all items
 * @param previous what the plan before said of this item
 */
export function propose(
  forecast: SeriesForecast,
  line: StockLine,
  config: ReplenishmentConfig,
  { asked, previous }: { readonly asked?: number | undefined; readonly previous?: PreviousOrder | undefined } = {},
): Proposal {
  const toDate = demandToDate(forecast);
  const target = targetOf(line, config, asked);
  const position = positionOf(line);
  const leads = leadTimes(line.leadDays, line.leadSpreadDays);
  const coverDays = line.leadDays + line.reviewDays;
  const demand = demandOver(toDate, leads, line.reviewDays);
  const orderUpTo = demand.quantile(target.level);
  const expectedDemand = toDate.mean(coverDays);
  const dailyDemand = expectedDemand / coverDays;
  const best = bestOrder(line, target, demand, orderUpTo - position);
  const kept = previous !== undefined && stays(previous, line, target, { demand, orderUpTo }, config.calm);
  const order = kept ? previous.order : best;
  const highFrom = orderUpTo + config.highDays * dailyDemand;
  const lastDay = lastDayToOrder(toDate, leads, position, target.level);
  return {
    line,
    target,
    position,
    coverDays,
    expectedDemand,
    dailyDemand,
    orderUpTo,
    state: position < orderUpTo ? 'low' : position > highFrom ? 'high' : 'ok',
    order,
    kept: kept && order !== best,
    steps: orderSteps(line, target, demand, position, order),
    orderBy: lastDay === undefined ? undefined : isoDate(dayNumber(forecast.periods[0]!) + lastDay),
    runOutChance: Math.max(0, 1 - demandOver(toDate, leads, 0).cdf(position)),
    excess: Math.max(0, position - highFrom),
    beyondForecast: coverDays > toDate.days,
  };
}

/** Demand of the `days` after each of the lead times, and of these. */
function demandOver({ levels, quantiles }: DemandToDate, leads: readonly number[], days: number): Distribution {
  return mixtureOf(
    levels,
    leads.map((lead) => quantiles(lead + days)),
  );
}

/** Whole packs: up to the level that was asked for; where costs decide, up or down, whichever is expected to cost less. */
function bestOrder(line: StockLine, target: Target, demand: Distribution, need: number): number {
  const up = orderQuantity(need, line);
  if (target.from === 'serviceLevel' || up === 0) return up;
  const down = orderBelow(need, line);
  const position = positionOf(line);
  const cost = (order: number) => expectedCost(target, demand, position + order);
  return cost(down) <= cost(up) ? down : up;
}

/**
 * Whether the order that was proposed before may stay: nobody has placed it, and it costs little more than the best stock would. That stock is the one wanted, not the one that
 * whole packs make of it: large packs would excuse any order.
 */
function stays(
  { order, onOrder }: PreviousOrder,
  line: StockLine,
  target: Target,
  { demand, orderUpTo }: { readonly demand: Distribution; readonly orderUpTo: number },
  calm: number,
): boolean {
  if (order > 0 && line.onOrder >= onOrder + order) return false;
  // Packs and minimum may be others by now.
  if (order > 0 && order !== orderQuantity(order, line)) return false;
  const position = positionOf(line);
  const least = expectedCost(target, demand, Math.max(position, orderUpTo));
  return expectedCost(target, demand, position + order) <= (1 + calm) * least;
}

/** The last day, counted from the first of the forecast, on which an order still arrives in time at this level; 0 where none does, undefined where the forecast ends before. */
function lastDayToOrder(
  toDate: DemandToDate,
  leads: readonly number[],
  position: number,
  level: number,
): number | undefined {
  const inTime = (day: number) => demandOver(toDate, leads, day).cdf(position) >= level;
  if (inTime(toDate.days)) return undefined;
  let [last, late] = [0, toDate.days];
  while (late - last > 1) {
    const middle = Math.floor((last + late) / 2);
    if (inTime(middle)) last = middle;
    else late = middle;
  }
  return last;
}
