import { DEMAND_QUANTILES } from '@hansa/shared/model/jobs/demand';
import { replenishmentSchema } from '../../../client-node/replenishment/config.ts';
import { propose } from '../../../client-node/replenishment/proposal.ts';
import { simulate } from '../../../client-node/replenishment/simulate.ts';
import type { StockLine } from '../../../client-node/replenishment/stockLine.ts';
import type { WeeklySeries } from './demandSets.ts';
import type { ToDate } from './simpleForecasts.ts';

/** Service levels that every method is replayed at. */
export const replayedLevels = [0.5, 0.6, 0.7, 0.8, 0.85, 0.9, 0.93, 0.95, 0.97, 0.98, 0.99];

const config = replenishmentSchema.parse({});

/** What a method brought at one level, over all series. */
export interface Point {
  readonly level: number;
  /** Share of all units asked for. */
  readonly fillRate: number;
  /** Mean stock in weeks of mean demand. */
  readonly weeksHeld: number;
  /** Share of weeks in which something was missing. */
  readonly stockOutShare: number;
}

/** The first day of every week that is replayed; forecasts carry their own dates, of which a proposal's order does not depend. */
const ANY_MONDAY = '2026-01-05';

/**
 * Replays every series: each week the product's proposal is ordered, from a method's forecast of that week.
 *
 * @param forecastOf a method's forecast of a series at a week of the test, at least leadWeeks + 1 weeks long
 */
export function replayAt(
  level: number,
  series: readonly WeeklySeries[],
  leadWeeks: number,
  forecastOf: (series: WeeklySeries, week: number) => ToDate,
): Point {
  const total = { sold: 0, demand: 0, held: 0, stockOuts: 0, weeks: 0 };
  for (const one of series) {
    const demand = one.units.subarray(one.testStart);
    const proposalAt = (week: number, onHand: number, onOrder: number) => {
      const { quantilesToDate, meanToDate } = forecastOf(one, week);
      const forecast = {
        item: one.item,
        location: one.location,
        name: one.item,
        frequency: 'week' as const,
        periods: quantilesToDate.map((_, at) =>
          new Date(Date.parse(ANY_MONDAY) + at * 604_800_000).toISOString().slice(0, 10),
        ),
        levels: DEMAND_QUANTILES,
        quantiles: [],
        mean: [],
        quantilesToDate,
        meanToDate,
        history: [],
        stock: null,
      };
      return propose(forecast, lineOf(one, onHand, onOrder, leadWeeks), config, { asked: level });
    };
    const outcome = simulate({
      demand,
      // As if the policy had been there before.
      initial: proposalAt(0, 0, 0).orderUpTo,
      reviewPeriods: 1,
      leadPeriods: () => leadWeeks,
      order: ({ period, onHand, onOrder }) => proposalAt(period, onHand, onOrder).order,
      holdingCost: 1,
      shortageCost: 1,
    });
    total.sold += outcome.sold;
    total.demand += outcome.demand;
    total.held += outcome.meanOnHand;
    total.stockOuts += outcome.stockOutPeriods;
    total.weeks += demand.length;
  }
  const meanDemand = total.demand / (total.weeks / series.length);
  return {
    level,
    fillRate: total.sold / total.demand,
    weeksHeld: total.held / meanDemand,
    stockOutShare: total.stockOuts / total.weeks,
  };
}

const lineOf = ({ item, location }: WeeklySeries, onHand: number, onOrder: number, leadWeeks: number): StockLine => ({
  item,
  location,
  onHand,
  onOrder,
  backorders: 0,
  unitCost: undefined,
  leadDays: 7 * leadWeeks,
  leadSpreadDays: 0,
  reviewDays: 7,
  packSize: 1,
  minimumOrder: 0,
  holdingCost: undefined,
  shortageCost: undefined,
  serviceLevel: undefined,
  size: 1,
});

/** The stock that a method holds where it serves a share of demand, linear between its points; undefined where it serves less, or more, at every level. */
export function heldAt(points: readonly Point[], fillRate: number): number | undefined {
  const sorted = [...points].sort((a, b) => a.fillRate - b.fillRate);
  const above = sorted.findIndex((point) => point.fillRate >= fillRate);
  const [high, low] = [sorted[above], sorted[above - 1]];
  if (high === undefined) return undefined;
  if (high.fillRate === fillRate) return high.weeksHeld;
  if (low === undefined) return undefined;
  const share = (fillRate - low.fillRate) / (high.fillRate - low.fillRate);
  return low.weeksHeld + share * (high.weeksHeld - low.weeksHeld);
}
