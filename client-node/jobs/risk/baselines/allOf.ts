import { spread } from '../../examples.ts';
import type { OrderBatch, OrderSet } from '../orders.ts';

/** All orders of a set, in its order. */
export const allOf = (orders: OrderSet): OrderBatch => orders.batch(spread(orders.count, orders.count));
