import type { ReplenishmentConfig } from './config.ts';
import type { Lots } from './orderQuantity.ts';

/** An item at a location as its stock file and the configuration's defaults say; costs in the merchant's own money. */
export interface StockLine extends Lots {
  readonly item: string;
  /** Empty where there are no locations. */
  readonly location: string;
  /** Units; below 0 where the books say so. */
  readonly onHand: number;
  /** Units ordered and not yet here, 0 or more. */
  readonly onOrder: number;
  /** Units that customers wait for, 0 or more. */
  readonly backorders: number;
  /** What a unit costs to buy, above 0. */
  readonly unitCost: number | undefined;
  /** Days from an order to its arrival: mean and standard deviation, 0 or more. */
  readonly leadDays: number;
  readonly leadSpreadDays: number;
  /** Days between two chances to order, a whole number from 1. */
  readonly reviewDays: number;
  /** What it costs to hold a unit for a year, above 0. */
  readonly holdingCost: number | undefined;
  /** What a unit that is asked for and not there costs, such as its margin, above 0. */
  readonly shortageCost: number | undefined;
  /** Probability, 0.5 to 0.99, that stock lasts until the next order can arrive. */
  readonly serviceLevel: number | undefined;
  /** Room that a unit takes, in the unit of the capacity, above 0. */
  readonly size: number;
}

/** Item and location as one key. */
export const stockKey = ({ item, location }: { readonly item: string; readonly location: string }): string =>
  // A name has no NUL.
  `${item}\0${location}`;

/** Units that are there or will be, less those already promised. */
export const positionOf = ({ onHand, onOrder, backorders }: StockLine): number => onHand + onOrder - backorders;

/** What a stock file says of an item, as far as it does. */
export type ToldStock = Partial<Omit<StockLine, 'item' | 'location' | 'onHand'>> &
  Pick<StockLine, 'item' | 'location' | 'onHand'>;

/** A line whose gaps the configuration fills. */
export function stockLineOf(told: ToldStock, config: ReplenishmentConfig): StockLine {
  const leadDays = told.leadDays ?? config.leadDays;
  return {
    item: told.item,
    location: told.location,
    onHand: told.onHand,
    onOrder: told.onOrder ?? 0,
    backorders: told.backorders ?? 0,
    unitCost: told.unitCost,
    leadDays,
    leadSpreadDays: leadDays === 0 ? 0 : (told.leadSpreadDays ?? config.leadSpreadDays),
    reviewDays: told.reviewDays ?? config.reviewDays,
    packSize: told.packSize ?? config.packSize,
    minimumOrder: told.minimumOrder ?? config.minimumOrder,
    holdingCost: told.holdingCost,
    shortageCost: told.shortageCost,
    serviceLevel: told.serviceLevel,
    size: told.size ?? 1,
  };
}
