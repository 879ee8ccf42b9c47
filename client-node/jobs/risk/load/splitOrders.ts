import { dataFault } from '../../../data/dataFault.ts';
import { dayNumber, isoDate } from '../../../data/days.ts';
import type { RiskConfig } from '../config.ts';
import type { OrderTable } from './orderTable.ts';

/** Shares of the orders, by promised day, that are trained on and that come before the test where the configuration gives no days. */
const TRAINED = 0.7;
const BEFORE_TEST = 0.85;

/** Where the orders, by promised day, are split; rows and days. */
export interface Split {
  readonly trainEnd: number;
  readonly validEnd: number;
  readonly validFrom: number;
  readonly testFrom: number;
}

/**
 * Splits orders by their promised days: on validFrom the outcome of every order promised before is known.
 *
 * @throws HansaError InvalidData (when there is no order to train on)
 */
export function splitOrders({ count, promised }: OrderTable, config: RiskConfig): Split {
  const at = (share: number) => promised[Math.floor(share * count)]!;
  const validFrom = config.validFrom === undefined ? at(TRAINED) : dayNumber(config.validFrom);
  const testFrom = config.testFrom === undefined ? at(BEFORE_TEST) : dayNumber(config.testFrom);
  const before = (day: number) => {
    const found = promised.findIndex((of) => of >= day);
    return found < 0 ? count : found;
  };
  const split = { trainEnd: before(validFrom), validEnd: before(testFrom), validFrom, testFrom };
  if (split.trainEnd > 0) return split;
  throw dataFault(
    `No order with a known outcome was promised before validFrom (${isoDate(validFrom)}); the first was promised for ${isoDate(promised[0]!)}. ` +
      'Choose a later validFrom, or give more orders.',
  );
}
