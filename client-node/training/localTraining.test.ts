import { type Architecture, architectureOf, manifestFor } from '@hansa/shared/model';
import { type LocalTraining, localTrainingSchema } from '@hansa/shared/protocol';
import * as tf from '@tensorflow/tfjs';
import { beforeAll, describe, expect, it } from 'vitest';
import { activate } from '../engines/engine.ts';
import type { ModelShape } from '../gradient/gradient.ts';
import { sampleWindows } from '../jobs/demand/sample.ts';
import { chunks, type ExampleSet, spread } from '../jobs/examples.ts';
import { initialWeights } from '../model/initialise.ts';
import {
  type LocalPlan,
  learningRateAt,
  meanLoss,
  type TrainingHooks,
  type TrainingState,
  trainLocally,
} from './localTraining.ts';

const nano = architectureOf('nano');
const architecture: Architecture = {
  ...nano,
  encoder: { hiddenSize: 8, layers: 1, attentionHeads: 2, feedForwardSize: 16, positions: 32 },
  heads: { demand: { ...nano.heads.demand!, staticWidth: 4 } },
};
const shape: ModelShape = { architecture, job: 'demand', manifest: manifestFor(architecture) };
const start = initialWeights(architecture, 1);
const windows = sampleWindows('training', 40);
type Change = Partial<LocalTraining> & Partial<Omit<LocalPlan, 'training'>>;
/** A short training, with changes to its settings and to the plan around them. */
const planWith = ({ fall = 'none', seed = '1', fullBatch = false, ...training }: Change = {}): LocalPlan => ({
  training: {
    ...localTrainingSchema.parse({ steps: 5, batchSize: 8, learningRate: 0.01, warmupSteps: 1 }),
    ...training,
  },
  fall,
  seed,
  fullBatch,
});
const plan = planWith();

beforeAll(() => activate('wasm'));

describe('trainLocally', () => {
  it('lowers the loss', async () => {
    const before = await meanLoss(shape, start, windows);
    const { weights } = await trainLocally(shape, start, windows, planWith({ steps: 40 }));
    expect(await meanLoss(shape, weights, windows)).toBeLessThan(0.9 * before);
  });

  it('gives the same weights for the same seed, others for another, and leaves the start alone', async () => {
    const copy = start.slice();
    const first = await trainLocally(shape, start, windows, plan);
    expect(await trainLocally(shape, start, windows, plan)).toEqual(first);
    expect((await trainLocally(shape, start, windows, planWith({ seed: '2' }))).weights).not.toEqual(first.weights);
    expect(start).toEqual(copy);
  });

  it('reports every step and keeps no tensor', async () => {
    const before = tf.memory().numTensors;
    const seen: number[] = [];
    await trainLocally(shape, start, windows, plan, {
      onStep: ({ step, steps, loss }) => {
        seen.push(step);
        expect(steps).toBe(5);
        expect(loss).toBeGreaterThan(0);
        expect(tf.memory().numTensors).toBe(before);
      },
    });
    expect(seen).toEqual([1, 2, 3, 4, 5]);
  });

  it('stops between two steps', async () => {
    const abort = new AbortController();
    const steps: number[] = [];
    const training = trainLocally(shape, start, windows, plan, {
      signal: abort.signal,
      onStep: ({ step }) => {
        steps.push(step);
        if (step === 2) abort.abort();
      },
    });
    await expect(training).rejects.toMatchObject({ code: 'Interrupted' });
    expect(steps).toEqual([1, 2]);
  });

  it('says so when there is nothing to train on, and when the loss is no number', async () => {
    await expect(trainLocally(shape, start, sampleWindows('none', 0), plan)).rejects.toMatchObject({
      code: 'TrainingFailed',
      message: expect.stringContaining('no training example'),
    });
    const broken = start.slice().fill(Number.NaN);
    await expect(trainLocally(shape, broken, windows, plan)).rejects.toMatchObject({
      code: 'TrainingFailed',
      message: expect.stringContaining('step 1 of 5'),
    });
  });

  it('on full batches, the mean of one SGD step of equal clients is the step on their pooled windows', async () => {
    // 80 windows: the pooled batch goes through the engine in two pieces, each client's in one.
    const pooled = sampleWindows('pooled', 80);
    const part = (from: number, to: number): ExampleSet => ({
      ...pooled,
      count: to - from,
      weights: pooled.weights.slice(from, to),
      batch: (indices) => pooled.batch(Array.from(indices, (index) => from + index)),
    });
    const sgdPlan: Change = {
      steps: 1,
      optimizer: 'sgd',
      fullBatch: true,
      warmupSteps: 0,
      learningRate: 0.5,
    };
    const step = async (of: ExampleSet) => (await trainLocally(shape, start, of, planWith(sgdPlan))).weights;
    const together = await step(pooled);
    const [first, second] = [await step(part(0, 40)), await step(part(40, 80))];
    let largest = 0;
    let moved = 0;
    together.forEach((weight, index) => {
      const mean = (first[index]! + second[index]!) / 2;
      largest = Math.max(largest, Math.abs(mean - weight) / Math.max(1, Math.abs(weight)));
      moved = Math.max(moved, Math.abs(weight - start[index]!));
    });
    expect(moved).toBeGreaterThan(1e-3);
    expect(largest).toBeLessThan(1e-6);
  });

  it('draws windows in proportion to their weights', async () => {
    const drawn = new Array<number>(40).fill(0);
    const counting: ExampleSet = {
      ...windows,
      weights: Float64Array.from({ length: 40 }, (_, index) => (index < 20 ? 3 : 1)),
      batch: (indices) => {
        for (const index of Array.from(indices)) drawn[index]! += 1;
        return windows.batch(indices);
      },
    };
    await trainLocally(shape, start, counting, planWith({ steps: 20, batchSize: 50 }));
    const heavy = drawn.slice(0, 20).reduce((sum, times) => sum + times, 0);
    expect(heavy / 1000).toBeCloseTo(0.75, 1);
    expect(drawn.every((times) => times > 0)).toBe(true);
  });

  it('draws other windows of other data, the seed being the same', async () => {
    const drawnOf = async (weights: Float64Array): Promise<number[]> => {
      const drawn: number[] = [];
      const recording: ExampleSet = {
        ...windows,
        weights,
        batch: (indices) => {
          drawn.push(...Array.from(indices));
          return windows.batch(indices);
        },
      };
      await trainLocally(shape, start, recording, plan);
      return drawn;
    };
    const drawn = await drawnOf(windows.weights);
    expect(await drawnOf(windows.weights.slice())).toEqual(drawn);
    expect(await drawnOf(windows.weights.with(0, windows.weights[0]! * (1 + 1e-9)))).not.toEqual(drawn);
  });
});

describe('gradients added up', () => {
  it('make the step that the whole batch makes', async () => {
    const [atOnce, inPieces] = await Promise.all(
      [8, 3].map((examplesAtOnce) => trainLocally(shape, start, windows, planWith({ steps: 1 }), { examplesAtOnce })),
    );
    expect(inPieces?.loss).toBeCloseTo(atOnce!.loss, 6);
    // AdamW's first step is the learning rate times a sign, so a difference of one rounding shows only where the slope is next to none.
    const far = inPieces!.weights.filter((weight, index) => Math.abs(weight - atOnce!.weights[index]!) > 1e-5).length;
    expect(far).toBeLessThan(start.length / 1000);
  });
});

describe('FedProx', () => {
  it('takes exactly the steps of SGD on the loss with μ/2 · |w − w₀|² added', async () => {
    const sgdPlan: Change = {
      steps: 2,
      optimizer: 'sgd',
      learningRate: 0.5,
      warmupSteps: 0,
      fullBatch: true,
    };
    const plain = await trainLocally(shape, start, windows, planWith({ ...sgdPlan, steps: 1 }));
    const { weights } = await trainLocally(shape, start, windows, planWith({ ...sgdPlan, proximalMu: 0.5 }));
    const second = await trainLocally(shape, plain.weights, windows, planWith({ ...sgdPlan, steps: 1 }));
    // The first step starts at w₀ and is the same; the second is pulled back by lr · μ · (w − w₀).
    const expected = second.weights.map(
      (weight, index) => weight - 0.5 * 0.5 * (plain.weights[index]! - start[index]!),
    );
    const distance = Math.hypot(...weights.map((weight, index) => weight - expected[index]!));
    expect(distance).toBeLessThan(1e-6 * Math.hypot(...expected));
    expect(Math.hypot(...weights.map((weight, index) => weight - second.weights[index]!))).toBeGreaterThan(
      10 * distance,
    );
  });

  it('keeps weights near the start, the nearer the larger μ', async () => {
    const distances = await Promise.all(
      [0, 1, 10].map(async (proximalMu) => {
        const { weights } = await trainLocally(shape, start, windows, planWith({ steps: 20, proximalMu }));
        return Math.hypot(...weights.map((weight, index) => weight - start[index]!));
      }),
    );
    expect(distances).toEqual([...distances].sort((a, b) => b - a));
  });
});

describe('SCAFFOLD', () => {
  const sgdPlan: Change = { steps: 4, optimizer: 'sgd', learningRate: 0.1, warmupSteps: 0, fullBatch: true };
  const correction = start.map((_, at) => Math.sin(at) / 100);

  it('adds the correction to every gradient of SGD', async () => {
    const one: Change = { ...sgdPlan, steps: 1 };
    const plain = await trainLocally(shape, start, windows, planWith(one));
    const { weights } = await trainLocally(shape, start, windows, planWith(one), { correction });
    const worst = weights.reduce(
      (most, weight, at) => Math.max(most, Math.abs(weight - (plain.weights[at]! - 0.1 * correction[at]!))),
      0,
    );
    expect(worst).toBeLessThan(1e-6);
  });

  it('tells the mean gradient, which is option II of the paper: cᵢ − c + (x − y)/(Kη)', async () => {
    const { weights, gradientSum, steps } = await trainLocally(shape, start, windows, planWith(sgdPlan), {
      correction,
    });
    expect(steps).toBe(4);
    const byOption = start.map((before, at) => (before - weights[at]!) / (4 * 0.1) - correction[at]!);
    const distance = Math.hypot(...byOption.map((value, at) => value - gradientSum![at]! / 4));
    expect(distance).toBeLessThan(1e-3 * Math.hypot(...byOption));
    const { gradientSum: none } = await trainLocally(shape, start, windows, planWith(sgdPlan));
    expect(none).toBeUndefined();
  });
});

describe('early stopping', () => {
  const stop = { everySteps: 2, patience: 2 };
  const other = sampleWindows('validation', 20);

  it('ends once the validation loss has stopped falling, and returns the best check’s weights', async () => {
    const losses: number[] = [];
    const looking: ExampleSet = { ...other, batch: (indices) => other.batch(indices) };
    // So high a learning rate soon makes things worse.
    const wild = { steps: 40, learningRate: 0.3, earlyStop: stop };
    const seen: number[] = [];
    const { weights, steps, stepsInWeights } = await trainLocally(shape, start, windows, planWith(wild), {
      validation: looking,
      onStep: ({ step }) => seen.push(step),
    });
    expect(steps).toBeLessThan(40);
    expect(seen.length).toBe(steps);
    for (let step = 2; step <= steps; step += 2) {
      const { weights: then } = await trainLocally(
        shape,
        start,
        windows,
        planWith({ ...wild, steps: step, earlyStop: undefined }),
      );
      losses.push(await meanLoss(shape, then, other));
    }
    const best = losses.indexOf(Math.min(...losses));
    expect(losses.length - 1 - best).toBe(stop.patience);
    expect(stepsInWeights).toBe(2 * (best + 1));
    expect(await meanLoss(shape, weights, other)).toBe(losses[best]);
  });

  it('tells SCAFFOLD the gradients of the steps that made the weights, and no later ones', async () => {
    const wild = { steps: 40, learningRate: 0.3, earlyStop: stop };
    const correction = start.map((_, at) => Math.sin(at) / 100);
    const stopped = await trainLocally(shape, start, windows, planWith(wild), { validation: other, correction });
    expect(stopped.stepsInWeights).toBeLessThan(stopped.steps);
    const exact = { ...wild, steps: stopped.stepsInWeights, earlyStop: undefined };
    const { weights, gradientSum } = await trainLocally(shape, start, windows, planWith(exact), { correction });
    expect(stopped.weights).toEqual(weights);
    expect(stopped.gradientSum).toEqual(gradientSum);
  });

  it('takes every step where there is no validation window', async () => {
    const { steps, stepsInWeights } = await trainLocally(shape, start, windows, planWith({ earlyStop: stop }), {
      validation: sampleWindows('none', 0),
    });
    expect(steps).toBe(plan.training.steps);
    expect(stepsInWeights).toBe(steps);
  });
});

describe('going on from a state', () => {
  const cases: readonly [string, Change, TrainingHooks?][] = [
    ['AdamW', {}],
    ['SGD', { optimizer: 'sgd' }],
    ['SCAFFOLD', { optimizer: 'sgd' }, { correction: start.map((_, at) => Math.cos(at) / 100) }],
    [
      'SCAFFOLD and early stopping',
      { earlyStop: { everySteps: 2, patience: 3 } },
      { correction: start.map((_, at) => Math.cos(at) / 100) },
    ],
    ['early stopping and FedProx', { earlyStop: { everySteps: 2, patience: 3 }, proximalMu: 0.1 }],
  ];
  it.each(cases)('comes to the same weights, bit for bit: %s', async (_, change, hooks = {}) => {
    const full = planWith({ ...change, steps: 7 });
    const states: TrainingState[] = [];
    const validation = sampleWindows('validation', 10);
    const expected = await trainLocally(shape, start, windows, full, {
      ...hooks,
      validation,
      afterStep: async (state) => {
        const { weights, moments, best, gradientSum } = state;
        states.push({
          ...state,
          weights: weights.slice(),
          moments: moments.map((values) => values.slice()),
          best: best && { ...best, weights: best.weights.slice(), gradientSum: best.gradientSum?.slice() },
          gradientSum: gradientSum?.slice(),
        });
      },
    });
    expect(states.map(({ step }) => step)).toEqual([1, 2, 3, 4, 5, 6]);
    for (const resume of [states[0]!, states[3]!, states[5]!]) {
      const seen: number[] = [];
      const onStep = ({ step }: { step: number }) => seen.push(step);
      expect(await trainLocally(shape, start, windows, full, { ...hooks, validation, resume, onStep })).toEqual(
        expected,
      );
      expect(seen[0]).toBe(resume.step + 1);
    }
  });
});

describe('learningRateAt', () => {
  const rates = (change: Change) =>
    Array.from({ length: 10 }, (_, index) =>
      learningRateAt(index + 1, planWith({ steps: 10, learningRate: 1, warmupSteps: 3, ...change })),
    );

  it('rises through warm-up and stays', () => {
    expect(rates({})).toEqual([0.25, 0.5, 0.75, 1, 1, 1, 1, 1, 1, 1]);
    expect(rates({ warmupSteps: 0 })).toEqual(new Array(10).fill(1));
  });

  it('or falls along half a cosine, nearly to 0', () => {
    const found = rates({ fall: 'cosine' });
    expect(found.slice(0, 4)).toEqual([0.25, 0.5, 0.75, 1]);
    for (let step = 4; step < 10; step++) expect(found[step]).toBeLessThan(found[step - 1]!);
    expect(found[9]).toBeCloseTo(0.5 * (1 + Math.cos((6 / 7) * Math.PI)), 9);
  });
});

describe('spread and chunks', () => {
  it('cover the set evenly, in pieces', () => {
    expect(spread(10, 4)).toEqual([0, 2, 5, 7]);
    expect(spread(3, 10)).toEqual([0, 1, 2]);
    expect(spread(0, 5)).toEqual([]);
    const pieces = [...chunks(spread(130, 1000), 64)];
    expect(pieces.map((piece) => piece.length)).toEqual([64, 64, 2]);
    expect(pieces.flat()).toEqual(spread(130, 130));
  });
});
