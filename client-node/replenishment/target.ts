import type { ReplenishmentConfig } from './config.ts';
import type { Distribution } from './distribution.ts';
import { LEAST_LEVEL, MOST_LEVEL } from './levels.ts';
import type { StockLine } from './stockLine.ts';

const DAYS_A_YEAR = 365;

/** What an item's stock is to achieve, and what missing it costs. */
export interface Target {
  /** Probability that demand is served, LEAST_LEVEL to MOST_LEVEL. */
  readonly level: number;
  /** Whether it was asked for, or follows from shortage and holding costs. */
  readonly from: 'serviceLevel' | 'costs';
  /** What a unit costs that is left over when the next order could have come, and one that is missing: in money, or of the one in terms of the other. */
  readonly over: number;
  readonly under: number;
  /** Whether `over` and `under` are money. */
  readonly inMoney: boolean;
}

/**
 * The service level of an item: the command's, or its own, or that of the newsvendor, under / (under + over), where shortage and holding costs are known, or
 * the configuration's. Of a level that was asked for the cost of a missing unit is what makes that level the best one.
 *
 * @param asked the command's, for all items
 */
export function targetOf(line: StockLine, config: ReplenishmentConfig, asked: number | undefined): Target {
  const { unitCost, shortageCost, reviewDays } = line;
  const holding = line.holdingCost ?? (unitCost === undefined ? undefined : config.holdingShare * unitCost);
  const over = holding === undefined ? 1 : (holding * reviewDays) / DAYS_A_YEAR;
  const inMoney = holding !== undefined;
  const own = asked ?? line.serviceLevel;
  if (own === undefined && shortageCost !== undefined && inMoney) {
    const level = Math.min(MOST_LEVEL, Math.max(LEAST_LEVEL, shortageCost / (shortageCost + over)));
    return { level, from: 'costs', over, under: shortageCost, inMoney };
  }
  const level = own ?? config.serviceLevel;
  return { level, from: 'serviceLevel', over, under: (over * level) / (1 - level), inMoney };
}

/** Expected cost of what is left over and what is missing when demand meets so many units. */
export function expectedCost({ over, under }: Target, demand: Distribution, units: number): number {
  const missing = demand.shortage(units) + Math.max(0, -units);
  return under * missing + over * (Math.max(0, units) - demand.mean + demand.shortage(units));
}
