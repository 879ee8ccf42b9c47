import { strategyTail } from '@hansa/shared/protocol';
import { describe, expect, it } from 'vitest';
import { openSum } from '../secagg/encoding/index.ts';
import { ReducerLeague, unmaskedSum } from '../secagg/testing/index.ts';
import { meanStepsOf, updateScale } from './localSteps.ts';
import { strategyFor } from './strategyFor.ts';

const settings = { name: 'fedNova', serverLearningRate: 0.7 } as const;
const mostSteps = 12;
const length = 500;
/** Members with steps of their own, and weights 1 to 4. */
const steps = [1, 12, 7, 3, 5];
const weights = [4, 1, 2, 3, 1];

const base = Float32Array.from({ length }, (_, at) => Math.sin(at));
/** What a member's training changed: longer, the more steps it took. */
const changeOf = (member: number): Float32Array =>
  Float32Array.from({ length }, (_, at) => (Math.cos(at * (member + 2)) * steps[member]!) / 20);

/** Equation 8 of Wang et al. 2020 over these members, number by number. */
function plainly(members: readonly number[]): Float64Array {
  const total = members.reduce((sum, member) => sum + weights[member]!, 0);
  const meanSteps = members.reduce((sum, member) => sum + weights[member]! * steps[member]!, 0) / total;
  return Float64Array.from(base, (value, at) => {
    const normalised = members.reduce(
      (sum, member) => sum + ((weights[member]! / total) * changeOf(member)[at]!) / steps[member]!,
      0,
    );
    return value + settings.serverLearningRate * meanSteps * normalised;
  });
}

/** A whole round of the protocol with these members alive when vectors are asked for. */
function throughSecureSum(alive: readonly number[], wordBits: 16 | 32): { model: Float32Array; quantum: number } {
  const tail = strategyTail(settings, mostSteps, 4);
  const league = new ReducerLeague({
    size: steps.length,
    seed: 'fedNova',
    update: (member) => changeOf(member).map((value) => value * updateScale(settings, mostSteps, steps[member]!)),
    weight: (member) => weights[member]!,
    tail: (member) => ({ weightedSteps: weights[member]! * steps[member]! }),
    config: { vectorLength: length, clipNorm: 10, wordBits, weighting: 'buckets', weightMax: 4, tail: [...tail] },
  });
  league.open();
  while (league.server.phase !== 'unmasking') {
    if (league.server.phase !== 'ready') league.exchange();
    else {
      for (const member of steps.keys()) if (!alive.includes(member)) league.kill(ReducerLeague.indexOf(member));
      league.startRound();
    }
  }
  const plan = league.plan!;
  expect(plan.survivors).toHaveLength(alive.length);
  const unmasked = unmaskedSum(league.config, plan, (index) => league.vectors.get(index)!);
  const survivors = plan.survivors.length;
  const { weightSum, means, tiles } = openSum(league.config, survivors, unmasked, league.rotationSeed);
  const meanSteps = meanStepsOf(settings, mostSteps, { survivors, weightSum, means })!;
  const total = alive.reduce((sum, member) => sum + weights[member]!, 0);
  // Exactly, and not just nearly.
  expect(meanSteps * weightSum).toBe(alive.reduce((sum, member) => sum + weights[member]! * steps[member]!, 0));
  expect(weightSum).toBe(total);
  const model = new Float32Array(length);
  for (const { start, mean } of tiles()) {
    const part = (values: Float32Array) => values.subarray(start, start + mean.length);
    strategyFor(settings).apply(
      { base: part(base), mean, state: [], out: part(model) },
      { stepShare: meanSteps / mostSteps },
    );
  }
  return { model, quantum: (4 / 2 ** league.config.parts[0]!.scaleLog2) * (alive.length / total) };
}

describe('FedNova through a secure sum', () => {
  it.each([
    ['all members', [0, 1, 2, 3, 4], 32],
    ['one dropped out', [0, 2, 3, 4], 32],
    ['words of 16 bits', [0, 1, 2, 3, 4], 16],
  ] as const)('equals the plain computation to one quantisation step: %s', (_, alive, wordBits) => {
    const { model, quantum } = throughSecureSum(alive, wordBits);
    const expected = plainly(alive);
    for (const [at, value] of model.entries()) {
      // In 16 bits the step is of the rotated vector, whose rounding errors are spread by the turn back.
      const allowed = wordBits === 32 ? quantum : 6 * quantum;
      expect(Math.abs(value - expected[at]!)).toBeLessThan(allowed + Math.abs(value) * 2 ** -23);
    }
    // An average that does not normalise is another model.
    const members: readonly number[] = alive;
    const total = members.reduce((sum, member) => sum + weights[member]!, 0);
    const averaged = members.reduce((sum, member) => sum + (weights[member]! / total) * changeOf(member)[0]!, base[0]!);
    expect(Math.abs(model[0]! - averaged)).toBeGreaterThan(10 * quantum);
  });
});

describe('meanStepsOf', () => {
  const tail = (weightedSteps: number) => ({ survivors: 2, weightSum: 4, means: { weightedSteps } });

  it('is nothing to a strategy that does not ask', () => {
    expect(meanStepsOf({ name: 'fedAvg', serverLearningRate: 1 }, 5, { survivors: 2, weightSum: 4, means: {} })).toBe(
      undefined,
    );
    expect(updateScale({ name: 'fedAvg', serverLearningRate: 1 }, 5, 2)).toBe(1);
  });

  it('refuses a sum that no members can have', () => {
    expect(meanStepsOf(settings, 5, tail(2))).toBe(1);
    expect(meanStepsOf(settings, 5, tail(10))).toBe(5);
    for (const sum of [1.5, 10.5, 0])
      expect(() => meanStepsOf(settings, 5, tail(sum))).toThrow(expect.objectContaining({ code: 'SumOutOfRange' }));
  });
});
