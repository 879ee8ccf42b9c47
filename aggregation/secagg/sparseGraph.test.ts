import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { assertConfigFits } from './encoding/fits.ts';
import { kOutParameters } from './parameters/index.ts';
import { ReducerLeague } from './testing/reducerLeague.ts';
import { leagueConfig } from './testing/setting.ts';
import { type DropPoint, dropPoints } from './testing/simulatedNode.ts';

/** The names by which a set-up may end without a sum. */
const aborts = ['CohortTooSmall', 'TooFewSurvivors', 'NoQuorum', 'TooFewShares'];

/** Runs a league to where its sum could be opened: it is exact, or there is none and the reason has a name. */
function check(league: ReducerLeague): 'committed' | 'abandoned' {
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
    const league = new ReducerLeague({ size, seed: `sparse/${size}`, config: { ...sparse, deltaPermille } });
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

  it('gives the exact sum or no sum at all for random drop-outs at every stage', () => {
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
          const league = new ReducerLeague({ size, seed, config: { ...sparse, deltaPermille } });
          league.fates = new Map(
            nodes.map((node, place): [number, DropPoint] => [ReducerLeague.indexOf(node), at[place % at.length]!]),
          );
          count[check(league)] += 1;
        },
      ),
      { numRuns: 30, seed: 3 },
    );
    expect(count.committed).toBeGreaterThan(5);
    expect(count.abandoned).toBeGreaterThan(3);
  });

  it('is refused with a corrupt rate below 5 %, by both sides', () => {
    const config = leagueConfig(40, { ...sparse, deltaPermille: 100 });
    expect(() => assertConfigFits(config)).not.toThrow();
    for (const gammaPermille of [0, 49])
      expect(() => assertConfigFits({ ...config, gammaPermille })).toThrow(
        expect.objectContaining({ code: 'InvalidTask', message: expect.stringContaining('corrupt rate') }),
      );
  });
});
