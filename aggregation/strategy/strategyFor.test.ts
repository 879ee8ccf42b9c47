import { type StrategyName, strategySchema } from '@hansa/shared/protocol';
import { describe, expect, it } from 'vitest';
import { strategyFor } from './strategyFor.ts';

type Settings = { readonly name: StrategyName } & Readonly<Record<string, unknown>>;

/** The model after rounds in which members with these weights end up at these parameters, one entry of `rounds` for each. */
function after(
  settings: Settings,
  from: readonly number[],
  rounds: readonly { readonly weights?: readonly number[]; readonly locals: readonly (readonly number[])[] }[],
): number[] {
  const strategy = strategyFor(strategySchema.parse(settings));
  let model = Float32Array.from(from);
  const state = strategy.state.map(({ initial }) => new Float32Array(from.length).fill(initial));
  for (const { weights = [], locals } of rounds) {
    const base = model;
    const total = locals.reduce((sum, _, member) => sum + (weights[member] ?? 1), 0);
    const mean = Float64Array.from(base, (value, at) =>
      locals.reduce((sum, local, member) => sum + ((weights[member] ?? 1) / total) * (local[at]! - value), 0),
    );
    model = new Float32Array(from.length);
    strategy.apply({ base, mean, state, out: model }, { stepShare: 1 });
  }
  return [...model];
}

const close = (actual: readonly number[], expected: readonly number[], within = 1e-6) => {
  expect(actual).toHaveLength(expected.length);
  for (const [at, value] of expected.entries()) expect(Math.abs(actual[at]! - value)).toBeLessThan(within);
};

/** Three rounds from 0.1, whose averages are given; the adaptive optimisers' references have v = 0 at the start. */
const threeRounds = [
  [0.6, 0.2, -1],
  [0.9, 0.1, -0.5],
  [1, 0, -0.8],
].map((local) => ({ locals: [local] }));
const from = [0.1, 0.1, 0.1];
const asReferenced = { tau: 1e-3, initialAccumulator: 0 };
const moments = { beta1: 0.9, beta2: 0.99 };

describe('reference values', () => {
  it('FedAvg of weights 1 and 3 (Substra)', () => {
    const locals = [
      [0, 1, 2, 4, 6, 8, 10, 12],
      [16, 20, 18, 20, 22, 24, 26, 28],
    ];
    const zeros = new Array<number>(8).fill(0);
    close(after({ name: 'fedAvg' }, zeros, [{ weights: [1, 3], locals }]), [12, 15.25, 14, 16, 18, 20, 22, 24]);
  });

  it('FedAvg of weights 0.5 and 1 (NVFlare)', () => {
    const locals = [
      [2, 3, 1.1, 0.1],
      [1, 1, 2.1, 0.5],
    ];
    close(
      after({ name: 'fedAvg' }, [0, 0, 0, 0], [{ weights: [0.5, 1], locals }]),
      [1.3333, 1.6667, 1.7667, 0.3667],
      1e-4,
    );
  });

  it('FedAvgM: a first round is the mean, a second one has the first in it', () => {
    const rounds = [{ locals: [[1], [2], [4]] }, { locals: [[7 / 3 + 1]] }];
    close(after({ name: 'fedAvgM' }, [0], rounds.slice(0, 1)), [7 / 3]);
    close(after({ name: 'fedAvgM', momentum: 0.5, serverLearningRate: 0.1 }, [0], rounds), [
      0.1 * (7 / 3) + 0.1 * (0.5 * (7 / 3) + (7 / 3 + 1 - 0.1 * (7 / 3))),
    ]);
  });

  it('FedAdagrad of two members (Flower)', () => {
    const settings = { name: 'fedAdagrad', serverLearningRate: 0.1, tau: 0.5, initialAccumulator: 0 } as const;
    close(after(settings, [0.1], [{ locals: [[0.2], [1]] }]), [0.15]);
  });

  it.each([
    [{ name: 'fedAdam', serverLearningRate: 0.1, ...moments, ...asReferenced }, [0.48596282, 0.11157043, -0.26764922]],
    [{ name: 'fedYogi', serverLearningRate: 0.01, ...moments, ...asReferenced }, [0.13835328, 0.11379979, 0.06255982]],
    [{ name: 'fedAdagrad', serverLearningRate: 0.1, ...asReferenced }, [0.34514926, 0.06188473, -0.09440165]],
  ] as const)('three rounds of $name', (settings, expected) => {
    close(after(settings, from, threeRounds), expected);
  });

  it('FedAdam is not corrected for its bias', () => {
    const corrected = [0.39529117, 0.14037247, -0.18335295];
    const actual = after({ name: 'fedAdam', serverLearningRate: 0.1, ...moments, ...asReferenced }, from, threeRounds);
    for (const [at, value] of corrected.entries()) expect(Math.abs(actual[at]! - value)).toBeGreaterThan(0.02);
  });
});

describe('a strategy', () => {
  const all: Settings[] = [
    { name: 'fedAvg' },
    { name: 'fedAvgM' },
    { name: 'fedAdagrad' },
    { name: 'fedAdam' },
    { name: 'fedYogi' },
    { name: 'fedNova' },
    { name: 'scaffold' },
  ];
  it.each(all)('$name comes to the same numbers in one tile and in several', (settings) => {
    const strategy = strategyFor(strategySchema.parse(settings));
    const base = Float32Array.from({ length: 50 }, (_, at) => Math.sin(at));
    const mean = Float64Array.from({ length: 50 }, (_, at) => Math.cos(3 * at) / 7);
    const run = (tileLength: number) => {
      const state = strategy.state.map(({ initial }) => new Float32Array(50).fill(initial));
      const out = new Float32Array(50);
      for (let round = 0; round < 3; round++)
        for (let at = 0; at < 50; at += tileLength) {
          const piece = <Values extends Float32Array | Float64Array>(values: Values) =>
            values.subarray(at, at + tileLength) as Values;
          strategy.apply(
            { base: piece(base), mean: piece(mean), state: state.map(piece), out: piece(out) },
            { stepShare: 1 },
          );
        }
      return [out, ...state];
    };
    expect(run(7)).toEqual(run(50));
    expect(run(50)[0]).not.toEqual(base);
  });

  it.each(all)('$name refuses vectors of unequal length, and another number of state vectors', (settings) => {
    const strategy = strategyFor(strategySchema.parse(settings));
    const tile = {
      base: new Float32Array(2),
      mean: new Float64Array(2),
      state: strategy.state.map(() => new Float32Array(2)),
      out: new Float32Array(2),
    };
    for (const change of [
      { mean: new Float64Array(3) },
      { out: new Float32Array(1) },
      { state: [...tile.state, new Float32Array(2)] },
      { state: [...tile.state.slice(1), new Float32Array(3)] },
    ])
      expect(() => strategy.apply({ ...tile, ...change }, { stepShare: 1 })).toThrow(RangeError);
  });

  it('rounds once: a step that float32 cannot tell from the base is not lost before', () => {
    const out = new Float32Array(3);
    strategyFor({ name: 'fedAvg', serverLearningRate: 0.5 }).apply(
      {
        base: Float32Array.of(1, -2, 0),
        mean: Float64Array.of(0.1, 4, 1e-9),
        state: [],
        out,
      },
      { stepShare: 1 },
    );
    expect([...out]).toEqual([Math.fround(1.05), 0, Math.fround(5e-10)]);
  });

  it('starts its accumulator at τ² where nothing else is said', () => {
    const { state } = strategyFor(strategySchema.parse({ name: 'fedYogi', tau: 0.1 }));
    expect(state).toEqual([
      { name: 'mean', initial: 0 },
      { name: 'variance', initial: expect.closeTo(0.01, 12) },
    ]);
  });
});
