import { type Architecture, architectureOf, manifestFor } from '@hansa/shared/model';
import {
  DEMAND_ANCHORS,
  DEMAND_COLUMNS,
  DEMAND_QUANTILES,
  DEMAND_ROWS,
  PERIOD_CHANNELS,
} from '@hansa/shared/model/jobs/demand';
import { parameterCount } from '@hansa/shared/numeric';
import { seededNumbers } from '@hansa/shared/random';
import * as tf from '@tensorflow/tfjs';
import { beforeAll, describe, expect, it } from 'vitest';
import { activate } from '../../engines/engine.ts';
import { answersOf, lossAndGradient, type ModelShape } from '../../gradient/gradient.ts';
import { initialWeights } from '../../model/initialise.ts';
import { awayFrom, enginesHere, lossGradientContract, norm } from '../lossGradient.contract.ts';
import { demandLoss } from './head.ts';
import { demandTargets } from './inputs.ts';
import { sampleBatch } from './sample.ts';
import { CHANNEL, type WindowBatch } from './windows.ts';

const nano = architectureOf('nano');
const architecture: Architecture = {
  ...nano,
  encoder: { hiddenSize: 8, layers: 2, attentionHeads: 2, feedForwardSize: 16, positions: 32 },
  heads: { demand: { ...nano.heads.demand!, staticWidth: 4 } },
};
const shape: ModelShape = { architecture, job: 'demand', manifest: manifestFor(architecture) };
const batch = sampleBatch('model', 6);
const start = initialWeights(architecture, 1);
const weights = awayFrom(start);

lossGradientContract(shape, weights, batch);

describe.each(enginesHere)('on %s', (engine) => {
  beforeAll(() => activate(engine, { withoutCard: true }));

  it('forecasts quantiles that never cross, whatever the weights', async () => {
    for (let seed = 0; seed < 20; seed++) {
      const drawn = seededNumbers(`wild ${seed}`);
      const wild = start.map((weight) => weight + 10 ** (seed / 5 - 2) * drawn.truncatedNormal());
      const forecast = await answersOf(shape, wild, batch);
      let crossings = 0;
      for (let row = 0; row < forecast.length; row += DEMAND_COLUMNS) {
        for (let column = 1; column < DEMAND_QUANTILES.length; column++) {
          if (!(forecast[row + column]! >= forecast[row + column - 1]!)) crossings += 1;
        }
      }
      expect(crossings).toBe(0);
    }
  });

  it('does not see patches before the series began', async () => {
    const absent = { ...batch, pastPresent: batch.pastPresent.slice(), past: batch.past.slice() };
    for (let window = 0; window < batch.count; window++) absent.pastPresent.fill(0, window * 13, window * 13 + 5);
    const before = await answersOf(shape, weights, absent);
    // Covariates, which the anchors do not read either.
    for (let window = 0; window < batch.count; window++) {
      for (let period = 0; period < 35; period++) {
        absent.past[(window * 91 + period) * PERIOD_CHANNELS + CHANNEL.yearSin] = 100;
      }
    }
    expect(await answersOf(shape, weights, absent)).toEqual(before);
    absent.pastPresent.fill(1);
    expect(await answersOf(shape, weights, absent)).not.toEqual(before);
  });

  it.each([
    ['weeks', 2, { horizonPeriods: 8 }],
    ['months', 1, { horizonPeriods: 6 }],
  ] as const)('takes windows of %s', async (_, futurePatches, calendar) => {
    const windows = { ...sampleBatch('other', 3, futurePatches), ...calendar };
    const forecast = await answersOf(shape, weights, windows);
    expect(forecast.length).toBe(3 * futurePatches * DEMAND_ROWS * DEMAND_COLUMNS);
    expect(forecast.every(Number.isFinite)).toBe(true);
    expect((await lossAndGradient(shape, weights, windows)).loss).toBeGreaterThan(0);
  });
});

describe('at the start', () => {
  it('forecasts the mean of the anchors, quantile by quantile', async () => {
    await activate('wasm');
    const forecast = await answersOf(shape, start, batch);
    expect(forecast.length).toBe(batch.count * 4 * DEMAND_ROWS * DEMAND_COLUMNS);
    for (const [at, value] of forecast.entries()) {
      const [row, column] = [Math.floor(at / DEMAND_COLUMNS), at % DEMAND_COLUMNS];
      let mean = 0;
      for (let kind = 0; kind < DEMAND_ANCHORS; kind++)
        mean += batch.anchors[(row * DEMAND_ANCHORS + kind) * DEMAND_COLUMNS + column]! / DEMAND_ANCHORS;
      expect(Math.abs(value - mean)).toBeLessThan(1e-4 * (1 + mean));
    }
  });

  it('is the same for the same seed and another for another', () => {
    expect(initialWeights(architecture, 1)).toEqual(start);
    expect(initialWeights(architecture, 2)).not.toEqual(start);
    expect(start.length).toBe(parameterCount(shape.manifest));
    const gains = shape.manifest.filter(({ name }) => name.endsWith('LayerNorm.weight'));
    for (const { offset } of gains) expect([...start.subarray(offset, offset + 8)]).toEqual(new Array(8).fill(1));
    const weight = shape.manifest.find(({ name }) => name === 'embedder.static.table.weight')!;
    const drawn = start.subarray(weight.offset, weight.offset + 1024);
    expect(Math.max(...drawn.map(Math.abs))).toBeLessThanOrEqual(0.04);
    expect(norm(drawn) / 32).toBeGreaterThan(0.015);
  });
});

describe('demandLoss', () => {
  const quantiles = DEMAND_QUANTILES.length;
  const loss = (y: number, forecast: number, { weight = 1, exact = 1 } = {}) =>
    tf.tidy(() => {
      const rows = tf.fill([1, DEMAND_COLUMNS], forecast) as tf.Tensor2D;
      const column = (value: number) => tf.tensor2d([value], [1, 1]);
      const targets = { values: column(y), weights: column(weight), exact: column(exact) };
      const { value, grad } = tf.valueAndGrad((rows: tf.Tensor) => demandLoss(rows as tf.Tensor2D, targets))(rows);
      return { value: value.dataSync()[0]!, gradient: [...grad.dataSync()] };
    });
  const mean = (values: readonly number[]) => values.reduce((sum, value) => sum + value, 0) / values.length;

  it('is the mean pinball loss and λ times the squared error of the mean', () => {
    const above = loss(1, 3);
    expect(above.value).toBeCloseTo(mean(DEMAND_QUANTILES.map((level) => (1 - level) * 2)) + 0.02 * 4, 5);
    DEMAND_QUANTILES.forEach((level, index) => {
      expect(above.gradient[index]).toBeCloseTo((1 - level) / quantiles, 6);
    });
    expect(above.gradient[quantiles]).toBeCloseTo(0.02 * 2 * 2, 6);
    const below = loss(3, 1);
    expect(below.value).toBeCloseTo(mean(DEMAND_QUANTILES.map((level) => level * 2)) + 0.02 * 4, 5);
    expect(below.gradient[0]).toBeCloseTo(-0.01 / quantiles, 6);
  });

  it('asks of a sold-out period only that the forecast is not below', () => {
    const above = loss(1, 3, { exact: 0 });
    expect(above.value).toBeCloseTo(0, 9);
    for (const slope of above.gradient) expect(slope).toBeCloseTo(0, 9);
    expect(loss(3, 1, { exact: 0 })).toEqual(loss(3, 1));
  });

  it('does not count what has no weight', () => {
    expect(loss(1, 3, { weight: 0 }).value).toBe(0);
  });
});

describe('demandTargets', () => {
  const targets = (change: Partial<WindowBatch>, horizonPeriods = 28) => {
    const made = demandTargets({ ...sampleBatch('targets', 2), ...change, horizonPeriods });
    const arrays = [made.values, made.weights, made.exact].map((tensor) => tensor.dataSync<'float32'>());
    tf.dispose([made.values, made.weights, made.exact]);
    return { values: arrays[0]!, weights: arrays[1]!, exact: arrays[2]! };
  };
  const target = Float32Array.from({ length: 56 }, (_, index) => index % 28);
  const whole = {
    target,
    scale: Float32Array.of(2, 4),
    targetObserved: new Float32Array(56).fill(1),
    stockOut: new Float32Array(56),
  };

  it('have rows of periods and of means to date, in units of s, whose weights sum to 1', () => {
    const { values, weights, exact } = targets(whole);
    expect([...values.subarray(0, 7)]).toEqual([0, 0.5, 1, 1.5, 2, 2.5, 3]);
    expect([...values.subarray(7, 14)]).toEqual([0, 0.25, 0.5, 0.75, 1, 1.25, 1.5]);
    expect(values[55]).toBeCloseTo(13.5 / 2, 5);
    expect(values[111]).toBeCloseTo(13.5 / 4, 5);
    expect(weights[7]).toBeCloseTo(weights[0]! / 2, 9);
    expect(weights.reduce((sum, weight) => sum + weight, 0)).toBeCloseTo(1, 5);
    expect(exact.every((value) => value === 1)).toBe(true);
  });

  it('leave out missing periods and every sum they would be part of', () => {
    const targetObserved = whole.targetObserved.slice();
    targetObserved[9] = 0;
    const { weights } = targets({ ...whole, targetObserved });
    // Period 9 is the third of the second patch: row 16, and its sum row 23.
    expect([13, 15, 16, 17, 22, 23, 24, 41, 55].map((row) => weights[row]! > 0)).toEqual([
      true,
      true,
      false,
      true,
      true,
      false,
      false,
      false,
      false,
    ]);
    expect(weights.slice(0, 56).reduce((sum, weight) => sum + weight, 0)).toBeCloseTo(0.5, 5);
  });

  it('make a sum a lower bound as soon as one period of it is', () => {
    const stockOut = whole.stockOut.slice();
    stockOut[9] = 1;
    const { exact } = targets({ ...whole, stockOut });
    expect([13, 15, 16, 17, 22, 23, 27, 41, 55, 111].map((row) => exact[row])).toEqual([1, 1, 0, 1, 1, 0, 0, 0, 0, 1]);
  });

  it('end sums with the horizon', () => {
    const windows = sampleBatch('targets', 1, 2);
    const made = demandTargets({
      ...windows,
      target: Float32Array.from({ length: 14 }, () => 1),
      targetObserved: Float32Array.from({ length: 14 }, (_, i) => (i < 8 ? 1 : 0)),
      stockOut: new Float32Array(14),
      scale: Float32Array.of(1),
      horizonPeriods: 8,
    });
    expect(made.values.dataSync()[21]).toBeCloseTo(1, 6);
    expect([...made.weights.dataSync()].map((weight) => weight > 0)).toEqual(
      Array.from({ length: 28 }, (_, row) => row <= 14 || row === 21),
    );
    tf.dispose([made.values, made.weights, made.exact]);
  });
});
