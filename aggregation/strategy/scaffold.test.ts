import { strategyParts } from '@hansa/shared/protocol';
import { describe, expect, it } from 'vitest';
import { openSum, scaledParts } from '../secagg/encoding/index.ts';
import { ReducerLeague, unmaskedSum } from '../secagg/testing/index.ts';
import { strategyFor } from './strategyFor.ts';

const settings = { name: 'scaffold', serverLearningRate: 0.5, controlClipNorm: 30 } as const;
const length = 400;
const members = 5;

/** What a member sends: its update, and by how much its control variate changes. */
const updateOf = (member: number, round: number) =>
  Float32Array.from({ length }, (_, at) => Math.sin(at * (member + 2) + round) / 9);
const changeOf = (member: number, round: number) =>
  Float32Array.from({ length }, (_, at) => Math.cos(at * (round + 3) + member));

interface State {
  readonly model: Float32Array;
  readonly control: Float32Array;
}

/** A whole round of the protocol; the members of `gone` drop out before they send. */
function throughSecureSum(before: State, round: number, gone: readonly number[], wordBits: 16 | 32) {
  const maxCohort = members;
  const parts = scaledParts({ wordBits, maxCohort }, [
    { name: 'update', length, clipNorm: 4 },
    ...strategyParts(settings, length),
  ]);
  const league = new ReducerLeague({
    size: members,
    seed: `scaffold ${round}`,
    update: (member) => Float32Array.of(...updateOf(member, round), ...changeOf(member, round)),
    config: { parts, vectorLength: 2 * length, wordBits, maxCohort, weighting: 'uniform', weightMax: 1 },
  });
  league.open();
  while (league.server.phase !== 'unmasking') {
    if (league.server.phase !== 'ready') league.exchange();
    else {
      for (const member of gone) league.kill(ReducerLeague.indexOf(member));
      league.startRound();
    }
  }
  const plan = league.plan!;
  const unmasked = unmaskedSum(league.config, plan, (index) => league.vectors.get(index)!);
  const strategy = strategyFor(settings);
  const model = before.model.slice();
  const control = before.control.slice();
  const mean = new Float64Array(2 * length);
  for (const tile of openSum(league.config, plan.survivors.length, unmasked, league.rotationSeed).tiles())
    mean.set(tile.mean, tile.start);
  strategy.apply({ base: before.model, mean: mean.subarray(0, length), state: [], out: model }, { stepShare: 1 });
  strategy.applyControl?.(control, mean.subarray(length), plan.survivors.length / members);
  return { state: { model, control }, quanta: parts.map(({ scaleLog2 }) => 2 ** -scaleLog2) };
}

/** Algorithm 1 of Karimireddy et al. 2020, lines 16 and 17, number by number. */
function plainly(
  { model, control }: State,
  round: number,
  alive: readonly number[],
): { model: number[]; control: number[] } {
  const mean = (of: (member: number, round: number) => Float32Array, at: number) =>
    alive.reduce((sum, member) => sum + of(member, round)[at]!, 0) / alive.length;
  return {
    model: Array.from(model, (value, at) => value + settings.serverLearningRate * mean(updateOf, at)),
    control: Array.from(control, (value, at) => value + (alive.length / members) * mean(changeOf, at)),
  };
}

describe('SCAFFOLD through a secure sum', () => {
  it.each([
    [32, 1],
    // In 16 bits a step is of the rotated vector: turning it back spreads the rounding of all.
    [16, 4],
  ] as const)(
    'equals the plain computation to one quantisation step of each part: words of %i bits',
    (wordBits, steps) => {
      let state: State = {
        model: Float32Array.from({ length }, (_, at) => Math.sin(at)),
        control: new Float32Array(length),
      };
      for (const [round, gone] of [
        [1, []],
        [2, [3]],
        [3, []],
      ] as const) {
        const alive = [0, 1, 2, 3, 4].filter((member) => !(gone as readonly number[]).includes(member));
        const expected = plainly(state, round, alive);
        const { state: next, quanta } = throughSecureSum(state, round, gone, wordBits);
        for (const [part, quantum] of [
          ['model', quanta[0]!],
          ['control', quanta[1]!],
        ] as const)
          for (const [at, value] of next[part].entries()) {
            const rounding = 2 ** -24 * Math.max(1, Math.abs(value));
            expect(Math.abs(value - expected[part][at]!)).toBeLessThan(steps * quantum + rounding);
          }
        state = next;
      }
      // Both parts moved.
      expect(Math.hypot(...state.control)).toBeGreaterThan(1);
    },
  );

  it('refuses tiles of unequal length', () => {
    expect(() => strategyFor(settings).applyControl?.(new Float32Array(2), new Float64Array(3), 1)).toThrow(RangeError);
  });
});
