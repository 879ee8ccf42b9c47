import { type ReplenishmentConfig, replenishmentSchema } from './config.ts';
import type { StockLine } from './stockLine.ts';

/** A line of a stock file: four units of tea, a week to arrive, a week between orders. */
export function stockOf(change: Partial<StockLine> = {}): StockLine {
  return {
    item: 'tea',
    location: '',
    onHand: 4,
    onOrder: 0,
    backorders: 0,
    unitCost: undefined,
    leadDays: 7,
    leadSpreadDays: 0,
    reviewDays: 7,
    packSize: 1,
    minimumOrder: 0,
    holdingCost: undefined,
    shortageCost: undefined,
    serviceLevel: undefined,
    size: 1,
    ...change,
  };
}

/** The configuration's defaults, but for a service level of 0.9. */
export const configOf = (change: Partial<ReplenishmentConfig> = {}): ReplenishmentConfig => ({
  ...replenishmentSchema.parse({ serviceLevel: 0.9 }),
  ...change,
});
