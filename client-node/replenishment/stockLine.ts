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
