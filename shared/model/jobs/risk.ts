import { z } from 'zod';
import { type JobTerms, linearLayer } from './job.ts';

/** Columns of each kind that a league may agree on. */
export const MOST_NUMBERS = 12;
export const MOST_CATEGORIES = 12;
export const MOST_TEXTS = 4;

/** What describes every order's dates, in this order: days from order to promise, and the promised day's place in the year and in the week. */
export const ORDER_FEATURES = ['lead', 'yearSin', 'yearCos', 'weekSin', 'weekCos'] as const;

const geometry = z.strictObject({
  numbers: z.int().min(1).max(64),
  categories: z.int().min(1).max(64),
  texts: z.int().min(0).max(16),
  /** Rows and width of the table that values of categories and words of texts are hashed into. */
  rows: z.int().min(1).max(65_536),
  width: z.int().min(1).max(256),
});
export type RiskGeometry = z.infer<typeof geometry>;

const columnName = z.string().regex(/^[a-z][a-zA-Z0-9]{0,39}$/, 'a small letter, then up to 39 letters and digits');
const distinct = (names: readonly string[]) => new Set(names).size === names.length;

/** Names that a league gives to one kind of column, in any order. */
const names = (most: number) => z.array(columnName).max(most).refine(distinct, 'names a column twice');

const options = z.strictObject({
  kind: z.literal('risk'),
  /** What the members' orders must tell; each member's configuration says which of its columns is which. */
  numbers: names(MOST_NUMBERS).default([]),
  categories: names(MOST_CATEGORIES).default([]),
  texts: names(MOST_TEXTS).default([]),
});

/** Schema of the columns of one kind in a node's configuration: from the league's name to the file's. */
export const columnsSchema = (most: number) =>
  z
    .record(columnName, z.string().min(1).max(200))
    .refine((columns) => Object.keys(columns).length <= most, `names more than ${most} columns`);

/** Inputs of the head's linear part: numbers and whether they are known, past late rates and on how many orders they rest, dates. */
export const wideInputs = ({ numbers, categories }: RiskGeometry): number =>
  2 * numbers + 2 * categories + ORDER_FEATURES.length;

const zeros = (length: number) => () => new Float32Array(length);

/** Whether an order will be delivered after the promised date. */
export const risk: JobTerms<RiskGeometry, z.infer<typeof options>> = {
  geometry,
  standardGeometry: {
    numbers: MOST_NUMBERS,
    categories: MOST_CATEGORIES,
    texts: MOST_TEXTS,
    rows: 512,
    width: 16,
  },
  // A token for each column, one for the dates, and CLS.
  longestSequence: ({ numbers, categories, texts }) => numbers + categories + texts + 2,
  embedderPrefix: 'risk.embedder.',
  embedder: ({ hiddenSize }, { numbers, categories, texts, rows, width }) => [
    // For each number: what one unit of it adds, what it is, and what stands for it where it is missing.
    { name: 'risk.embedder.numbers.weight', shape: [3 * numbers, hiddenSize] },
    { name: 'risk.embedder.table.weight', shape: [rows, width] },
    ...linearLayer('risk.embedder.values', hiddenSize, width + categories + texts + 2),
    ...linearLayer('risk.embedder.order', hiddenSize, ORDER_FEATURES.length),
  ],
  headPrefix: 'risk.',
  // All zero: a model that has learned nothing answers with each merchant's own share of late orders.
  head: ({ hiddenSize }, geometry) => [
    { name: 'risk.logit.weight', shape: [1, hiddenSize], start: zeros(hiddenSize) },
    { name: 'risk.logit.bias', shape: [1] },
    { name: 'risk.wide.weight', shape: [wideInputs(geometry), 1], start: zeros(wideInputs(geometry)) },
    { name: 'risk.rows.weight', shape: [geometry.rows, 1], start: zeros(geometry.rows) },
  ],
  options,
  tail: [
    { name: 'auroc', low: 0, high: 1 },
    { name: 'auprc', low: 0, high: 1 },
    { name: 'brier', low: 0, high: 1 },
  ],
};
