import type { Architecture } from '@hansa/shared/model';
import { ORDER_FEATURES, type RiskGeometry, wideInputs } from '@hansa/shared/model/jobs/risk';
import * as tf from '@tensorflow/tfjs';
import { type OrderBatch, WORDS } from './orders.ts';
import { meanEmbeddings } from './wordInputs.ts';

/** A batch of orders as tensors; N, C, T are those that the orders have (one where they have none), N', C', T' those of the model. Whoever makes one disposes of it. */
export type RiskInputs = {
  readonly count: number;
  /** [n · N, 3 · N']: at the number's place its value, whether it is there, and whether it is missing. */
  readonly numbers: tf.Tensor2D;
  /** [n · (C + T), rows]: which row of the table a category names; of a text, the share of its words that name a row. */
  readonly rows: tf.Tensor2D;
  /** [n · (C + T), C' + T' + 2]: which column it is, its past late rate, and on how many orders that rests. */
  readonly columns: tf.Tensor2D;
  /** [n · (C + T), hiddenSize]: of a text the mean of its tokens' word embeddings, of a category 0; there where the model has words and the orders texts. */
  readonly texts?: tf.Tensor2D;
  /** [n, ORDER_FEATURES] */
  readonly order: tf.Tensor2D;
  /** [n, wideInputs] */
  readonly wide: tf.Tensor2D;
  /** [n, rows]: how often an order's categories and texts name each row. */
  readonly named: tf.Tensor2D;
  /** [n, 1] */
  readonly base: tf.Tensor2D;
  /** [n, 1, 1, tokens]: every token is seen. */
  readonly mask: tf.Tensor4D;
};

/** What the loss compares with. */
export type RiskTargets = {
  /** [n, 1] */
  readonly late: tf.Tensor2D;
  /** [n, 1] */
  readonly weights: tf.Tensor2D;
};

/**
 * Tensors of a batch of orders.
 *
 * @throws RangeError (where the batch does not fit the architecture)
 */
export function riskInputs(batch: OrderBatch, architecture: Architecture, words?: Float32Array): RiskInputs {
  const { heads } = architecture;
  if (heads.risk === undefined) throw new RangeError('the model has no risk head');
  const geometry = heads.risk;
  const { count } = batch;
  const [numbers, categories, texts] = [batch.numbers, batch.categories, batch.words].map(
    ({ length }, kind) => length / count / (kind === 2 ? WORDS : 1),
  ) as [number, number, number];
  if (numbers > geometry.numbers || categories > geometry.categories || texts > geometry.texts) {
    throw new RangeError(
      `the model takes ${geometry.numbers} numbers, ${geometry.categories} categories and ${geometry.texts} texts`,
    );
  }
  const { rows, columns, named } = tableInputs(batch, geometry, categories, texts);
  // Where orders have none of a kind, one token that says nothing stands for it: every tensor of the model takes part.
  const [numberTokens, valueTokens] = [Math.max(1, numbers), Math.max(1, categories + texts)];
  const embedded = texts > 0 && embeddedTexts(batch, architecture, words, valueTokens, categories);
  return {
    count,
    numbers: tf.tensor2d(numberInputs(batch, geometry, numbers), [count * numberTokens, 3 * geometry.numbers]),
    rows: tf.tensor2d(rows, [count * valueTokens, geometry.rows]),
    columns: tf.tensor2d(columns, [count * valueTokens, geometry.categories + geometry.texts + 2]),
    ...(embedded && { texts: tf.tensor2d(embedded, [count * valueTokens, architecture.encoder.hiddenSize]) }),
    order: tf.tensor2d(batch.order, [count, ORDER_FEATURES.length]),
    wide: tf.tensor2d(linearInputs(batch, geometry, numbers, categories), [count, wideInputs(geometry)]),
    named: tf.tensor2d(named, [count, geometry.rows]),
    base: tf.tensor2d(batch.base, [count, 1]),
    mask: tf.zeros([count, 1, 1, numberTokens + valueTokens + 2]),
  };
}

export function riskTargets({ count, late, weight }: OrderBatch): RiskTargets {
  return { late: tf.tensor2d(late, [count, 1]), weights: tf.tensor2d(weight, [count, 1]) };
}

/** What a model with word embeddings adds to the tokens of texts, [n · width, hiddenSize]; undefined for a model without. */
function embeddedTexts(
  { count, tokens }: OrderBatch,
  { encoder, text }: Architecture,
  words: Float32Array | undefined,
  width: number,
  categories: number,
): Float32Array | undefined {
  if (text === undefined) return undefined;
  // Without them it would be another model.
  if (tokens === undefined || words === undefined)
    throw new RangeError('a model with word embeddings needs the tokens of texts');
  return meanEmbeddings(
    { count, tokens },
    words,
    encoder.hiddenSize,
    count * width,
    (order, at) => order * width + categories + at,
  );
}

function numberInputs({ count, numbers, present }: OrderBatch, geometry: RiskGeometry, width: number): Float32Array {
  const out = new Float32Array(count * Math.max(1, width) * 3 * geometry.numbers);
  for (let at = 0; at < numbers.length; at++) {
    const row = at * 3 * geometry.numbers;
    const place = at % width;
    out[row + place] = numbers[at]!;
    out[row + geometry.numbers + place] = present[at]!;
    out[row + 2 * geometry.numbers + place] = 1 - present[at]!;
  }
  return out;
}

function tableInputs(
  { count, categories: hashes, words, pastRates, pastCounts }: OrderBatch,
  geometry: RiskGeometry,
  categories: number,
  texts: number,
): { rows: Float32Array; columns: Float32Array; named: Float32Array } {
  const width = Math.max(1, categories + texts);
  const described = geometry.categories + geometry.texts + 2;
  const rows = new Float32Array(count * width * geometry.rows);
  const columns = new Float32Array(count * width * described);
  const named = new Float32Array(count * geometry.rows);
  for (let order = 0; order < count; order++) {
    const name = (token: number, hash: number, share: number) => {
      const row = hash % geometry.rows;
      rows[(order * width + token) * geometry.rows + row]! += share;
      named[order * geometry.rows + row]! += share;
    };
    for (let category = 0; category < categories; category++) {
      const at = order * categories + category;
      const column = (order * width + category) * described;
      name(category, hashes[at]!, 1);
      columns[column + category] = 1;
      columns[column + described - 2] = pastRates[at]!;
      columns[column + described - 1] = pastCounts[at]!;
    }
    for (let text = 0; text < texts; text++) {
      const from = (order * texts + text) * WORDS;
      const found = words.subarray(from, from + WORDS).filter((word) => word >= 0);
      for (const word of found) name(categories + text, word, 1 / found.length);
      columns[(order * width + categories + text) * described + geometry.categories + text] = 1;
    }
  }
  return { rows, columns, named };
}

function linearInputs(
  { count, numbers, present, pastRates, pastCounts, order }: OrderBatch,
  geometry: RiskGeometry,
  numbersWidth: number,
  categoriesWidth: number,
): Float32Array {
  const width = wideInputs(geometry);
  const out = new Float32Array(count * width);
  let start = 0;
  const put = (values: Float32Array, columns: number, places: number) => {
    for (let at = 0; at < values.length; at++)
      out[Math.floor(at / columns) * width + start + (at % columns)] = values[at]!;
    start += places;
  };
  put(numbers, numbersWidth, geometry.numbers);
  put(present, numbersWidth, geometry.numbers);
  put(pastRates, categoriesWidth, geometry.categories);
  put(pastCounts, categoriesWidth, geometry.categories);
  put(order, ORDER_FEATURES.length, ORDER_FEATURES.length);
  return out;
}
