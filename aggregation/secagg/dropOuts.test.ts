import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ReducerLeague } from './testing/reducerLeague.ts';
import { type DropPoint, dropPoints as points } from './testing/simulatedNode.ts';

type Fates = ReadonlyMap<number, DropPoint>;

/** What the page says must come of a pattern of drop-outs, worked out without the reducers. */
function expected(league: ReducerLeague, fates: Fates): { code: string } | { survivors: number[] } {
  const { minCohort, gammaPermille, deltaPermille, minSurvivors: floor } = league.config;
  const past = (point: DropPoint): number[] =>
    [...league.nodes.keys()].filter((index) => {
      const fate = fates.get(index);
      return fate === undefined || points.indexOf(fate) > points.indexOf(point);
    });
  const n = past('advertiseKeys').length;
  if (n < minCohort) return { code: 'CohortTooSmall' };
  const t = Math.floor((2 * n) / 3) + 1;
  const q = Math.max(Math.floor((n + Math.ceil((gammaPermille * n) / 1000)) / 2) + 1, t);
  const least = Math.max(q, Math.ceil(((1000 - deltaPermille) * n) / 1000), floor);
  for (const point of ['shareKeys', 'acknowledgeShares', 'startRound', 'vector'] as const)
    if (past(point).length < least) return { code: 'TooFewSurvivors' };
  if (past('signSurvivors').length < q) return { code: 'NoQuorum' };
  if (past('revealShares').length < t) return { code: 'TooFewShares' };
  return { survivors: past('vector') };
}

function check(league: ReducerLeague, fates: Fates): 'committed' | 'abandoned' {
  const want = expected(league, fates);
  const told = JSON.stringify([...fates]);
  if ('code' in want) {
    expect(league.server, told).toMatchObject({ phase: 'abandoned', code: want.code });
    expect(
      league.effects.some(({ type }) => type === 'unmask'),
      told,
    ).toBe(false);
    return 'abandoned';
  }
  expect(league.server.phase, told).toBe('unmasking');
  expect(league.plan!.survivors, told).toEqual(want.survivors);
  expect(league.openedWords(league.plan!), told).toEqual(league.exactSum(want.survivors));
  return 'committed';
}

const isOver = (league: ReducerLeague): boolean =>
  league.server.phase === 'unmasking' || league.server.phase === 'abandoned';

describe('drop-outs', () => {
  it('gives the exact sum or no sum at all for every pattern of five nodes', () => {
    const root = new ReducerLeague({ size: 5, seed: 'exhaustive' });
    root.wipes = false;
    root.open();
    const count = { committed: 0, abandoned: 0 };
    const explore = (league: ReducerLeague, stage: number): void => {
      if (isOver(league)) {
        count[check(league, league.fates)] += 1;
        return;
      }
      const within = points[stage] !== 'startRound';
      // What the nodes answer does not depend on who vanishes meanwhile: asked once, branched on whose answers arrive.
      if (within) league.ask();
      const alive = [...league.nodes.values()].filter((node) => node.alive).map((node) => node.index);
      // 'maskedInputHeader' and 'vector' are two ways to die in one exchange: three fates each, then.
      const ways = points[stage] === 'maskedInputHeader' ? 3 : 2;
      for (let pattern = 0; pattern < ways ** alive.length; pattern++) {
        const branch = league.fork();
        let rest = pattern;
        for (const index of alive) {
          const fate = rest % ways;
          rest = Math.floor(rest / ways);
          if (fate === 0) continue;
          branch.fates.set(index, points[stage + fate - 1]!);
          if (within) branch.kill(index);
          branch.toServer = branch.toServer.filter(
            ({ from, name }) => from !== index || (fate === 2 && name === 'maskedInputHeader'),
          );
        }
        if (within) branch.answer();
        else branch.startRound();
        explore(branch, stage + ways - 1);
      }
    };
    explore(root, 0);
    expect(count.committed).toBeGreaterThan(100);
    expect(count.abandoned).toBeGreaterThan(1000);
  });

  it.each([
    ['twelve', 12, 120],
    ['forty', 40, 20],
  ])('holds for random patterns of up to %s nodes', (_, largest, numRuns) => {
    fc.assert(
      fc.property(
        fc.integer({ min: 4, max: largest }).chain((size) =>
          fc.record({
            size: fc.constant(size),
            gammaPermille: fc.constantFrom(0, 50, 100),
            // Around the tolerance of a third, where the outcome turns; half of the time all at one stage.
            nodes: fc.uniqueArray(fc.nat(size - 1), {
              minLength: Math.max(0, Math.ceil(size / 3) - 3),
              maxLength: Math.ceil(size / 3) + 1,
            }),
            at: fc.oneof(
              fc.constantFrom(...points).map((point) => [point]),
              fc.array(fc.constantFrom(...points), { minLength: 1, maxLength: 40 }),
            ),
          }),
        ),
        fc.integer(),
        ({ size, gammaPermille, nodes, at }, seed) => {
          const league = new ReducerLeague({ size, seed, config: { gammaPermille, vectorLength: 5 } });
          league.fates = new Map(nodes.map((node, place) => [ReducerLeague.indexOf(node), at[place % at.length]!]));
          league.open();
          while (!isOver(league)) {
            if (league.server.phase === 'ready') league.startRound();
            else league.exchange();
          }
          check(league, league.fates);
        },
      ),
      { numRuns, seed: 7 },
    );
  });

  it.each([
    [5, 1],
    [6, 1],
    [10, 3],
  ])('a cohort of %i tolerates %i drop-outs and no more', (size, tolerated) => {
    for (const dropped of [tolerated, tolerated + 1]) {
      const league = new ReducerLeague({ size, seed: `${size}/${dropped}` });
      for (let node = 0; node < dropped; node++) league.fates.set(ReducerLeague.indexOf(2 * node), 'vector');
      league.open().run();
      expect(league.server.phase).toBe(dropped === tolerated ? 'committed' : 'abandoned');
    }
  });
});
