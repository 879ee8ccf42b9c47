import { decodeMessage, roundHash, survivorsBytes } from '@hansa/shared/protocol/secagg';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { ClientState } from './client/types.ts';
import { bitsOf } from './cohortView.ts';
import { kOutParameters } from './parameters/index.ts';
import { type DropPoint, dropPoints, League } from './testing/league.ts';

/** The names by which a set-up may end without a sum. */
const aborts = ['CohortTooSmall', 'TooFewSurvivors', 'NoQuorum', 'TooFewShares'];

/** Runs a league to where its sum could be laid open: it is exact, or there is none and the reason has a name. */
function check(league: League): 'committed' | 'abandoned' {
  league.open();
  while (league.server.phase !== 'unmasking' && league.server.phase !== 'abandoned') {
    if (league.server.phase === 'ready') league.startRound();
    else league.exchange();
  }
  const told = JSON.stringify([league.options.seed, [...league.fates]]);
  if (league.server.phase === 'abandoned') {
    expect(aborts, told).toContain(league.server.code);
    expect(league.plan, told).toBeUndefined();
    return 'abandoned';
  }
  expect(league.openedWords(league.plan!), told).toEqual(league.exactSum(league.plan!.survivors));
  return 'committed';
}

const sparse = { rule: 'k-out-40-20', gammaPermille: 50, vectorLength: 3 } as const;

describe('the k-out graph', () => {
  it.each([
    ['ten', 10, 100],
    ['twenty', 20, 100],
    ['forty', 40, 50],
  ])('gives the exact sum of %s members, each with its own holders', (_, size, deltaPermille) => {
    const league = new League({ size, seed: `sparse/${size}`, config: { ...sparse, deltaPermille } });
    expect(check(league)).toBe('committed');
    if (league.server.phase !== 'unmasking') return;
    const found = kOutParameters(size, 0.05, deltaPermille / 1000);
    const holders = [...league.server.shareKeys.values()].map(({ index, boxes }) => {
      expect(found).toMatchObject({ degree: boxes.length });
      expect(boxes.map(({ holder }) => holder)).not.toContain(index);
      return boxes.map(({ holder }) => holder).join();
    });
    expect(new Set(holders).size).toBeGreaterThan(size / 2);
  });

  it.each(['U2', 'U3'] as const)('a %s that leaves a node too few of its holders is refused by that node', (name) => {
    const league = new League({ size: 40, seed: 'cut', config: { ...sparse, deltaPermille: 200 } }).open();
    const [victim] = league.nodes.values();
    const wanted = name === 'U2' ? 'startRound' : 'survivors';
    while (!league.toNodes.some((entry) => entry.name === wanted)) {
      if (league.server.phase === 'ready') league.startRound();
      else league.exchange();
    }
    const { cohort, holders } = victim!.state as Extract<ClientState, { holders: unknown }>;
    const { holders: count, threshold, minSurvivors } = cohort.thresholds;
    // As few deaths as do it, all among the victim's own holders.
    const dead = new Set([...holders].slice(0, count - threshold + 1));
    const left = cohort.order.filter((member) => !dead.has(member));
    expect(left.length).toBeGreaterThanOrEqual(minSurvivors);
    const entry = league.toNodes.find((one) => one.name === wanted && one.to === victim!.index)!;
    const bits = bitsOf(cohort, left);
    if (name === 'U2') {
      const message = decodeMessage('startRound', JSON.parse(entry.wire));
      const { sid, configHash } = (victim!.state as Extract<ClientState, { setup: unknown }>).setup;
      const binding = { ...message, sid, cohortHash: cohort.hash, configHash, sharers: bits };
      const signature = league.coordinator.sign('round', roundHash(binding));
      expect(() => league.deliver(victim!, 'startRound', { ...message, sharers: bits, signature })).toThrow(
        expect.objectContaining({ code: 'TooFewSurvivors', message: expect.stringContaining('holders') }),
      );
    } else {
      const message = decodeMessage('survivors', JSON.parse(entry.wire));
      const signature = league.coordinator.sign('u3', survivorsBytes(message.roundHash, bits));
      expect(() => league.deliver(victim!, 'survivors', { ...message, survivors: bits, signature })).toThrow(
        expect.objectContaining({ code: 'TooFewSurvivors', message: expect.stringContaining('holders') }),
      );
    }
  });

  it('gives the exact sum or no sum at all for random drop-outs at every stage', { timeout: 300_000 }, () => {
    const count = { committed: 0, abandoned: 0 };
    fc.assert(
      fc.property(
        fc.integer({ min: 10, max: 40 }).chain((size) =>
          fc.record({
            size: fc.constant(size),
            deltaPermille: fc.constantFrom(100, 200),
            nodes: fc.uniqueArray(fc.nat(size - 1), { maxLength: Math.ceil(size / 4) }),
            at: fc.array(fc.constantFrom(...dropPoints), { minLength: 1, maxLength: 10 }),
          }),
        ),
        fc.integer(),
        ({ size, deltaPermille, nodes, at }, seed) => {
          const league = new League({ size, seed, config: { ...sparse, deltaPermille } });
          league.fates = new Map(
            nodes.map((node, place): [number, DropPoint] => [League.indexOf(node), at[place % at.length]!]),
          );
          count[check(league)] += 1;
        },
      ),
      { numRuns: 30, seed: 3 },
    );
    expect(count.committed).toBeGreaterThan(5);
    expect(count.abandoned).toBeGreaterThan(3);
  });
});
