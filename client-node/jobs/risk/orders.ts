import type { ExampleSet } from '../examples.ts';
import type { JobData } from '../job.ts';

/** Words that are read of a text. */
export const WORDS = 12;
/** Tokens that are read of a text, those around it not counted: about as much of it as WORDS words. */
export const TOKENS = 16;

/**
 * Orders side by side, row-major, as they were known on the day of the order; n = count, N, C and T numbers, categories and texts in the order of their names.
 *
 * A rate or count of past orders takes in those whose outcome was known before that day.
 */
export type OrderBatch = {
  readonly count: number;
  /** [n, N] robustly scaled, within ±4; 0 where missing. */
  readonly numbers: Float32Array;
  /** [n, N]; 0 where missing. */
  readonly present: Float32Array;
  /** [n, C] hashes of the values, at least 0. */
  readonly categories: Int32Array;
  /** [n, C] logit of the past late rate of orders with the same value, minus that of all the merchant's orders. */
  readonly pastRates: Float32Array;
  /** [n, C] log1p of the past orders with the same value, divided by 5. */
  readonly pastCounts: Float32Array;
  /** [n, T · WORDS] hashes of the words, at least 0; -1 where there is none. */
  readonly words: Int32Array;
  /** [n, T · TOKENS] rows of the model's word embeddings; -1 where there is none. There where the configuration names a tokenizer. */
  readonly tokens?: Int32Array;
  /** [n, ORDER_FEATURES] */
  readonly order: Float32Array;
  /** [n] logit of the merchant's share of late orders before validFrom. */
  readonly base: Float32Array;
  /** [n] logit of the past late rate of all the merchant's orders. */
  readonly running: Float32Array;
  /** [n] what the order counts for in the loss; 1 in the mean of the training orders. */
  readonly weight: Float32Array;
  /** [n]; 1 = delivered after the promised day. */
  readonly late: Float32Array;
};

export type OrderSet = ExampleSet<OrderBatch>;

/** A merchant's orders, split by their promised days. */
export interface OrderData extends JobData<OrderBatch> {
  /** Names of the columns of each kind, in the order of the batches. */
  readonly names: OrderNames;
  /** Place among the categories of the one that the configuration calls the carrier. */
  readonly carrier: number | undefined;
  readonly train: OrderSet;
  readonly validation: OrderSet;
  readonly test: OrderSet;
}

export interface OrderNames {
  readonly numbers: readonly string[];
  readonly categories: readonly string[];
  readonly texts: readonly string[];
}
