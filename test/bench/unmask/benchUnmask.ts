import { FoldedSum } from '@hansa/aggregation/secagg/encoding';
import { kOutParameters } from '@hansa/aggregation/secagg/parameters';
import { wipeUnmaskPlan } from '@hansa/aggregation/secagg/server';
import { leagueConfig } from '@hansa/aggregation/secagg/testing';
import { MaskThreads } from '@hansa/aggregation/secagg/threads';
import { SecretBytes } from '@hansa/shared/crypto';
import type { SecAggConfig } from '@hansa/shared/protocol/secagg';
import { maxCompleteCohort } from '@hansa/shared/protocol/secagg';
import { seededRandom } from '@hansa/shared/random';
import { flower as flowerPeer, startPeer } from '../peers/peer.ts';
import type { BenchCase, BenchResult } from '../report.ts';
import { type RoundShape, rebuildMasks, revealedRound } from './revealedRound.ts';

const repeats = 9;
/** Neighbours of the mask figure: as many as an unmasking expands at once. */
const neighbours = 32;
/** What may come on top of the expansions: rebuilding the secrets, deriving the keys, the subtraction. */
const allowedFactor = 1.2;
const allowedMs = 50;
/** Two cores take this share of one core's time at most. */
const twoCoresLimit = 0.65;
const flowerLimit = 1 / 40;

interface Unmasking {
  readonly totalMs: number;
  readonly rebuildMs: number;
  readonly expansions: number;
}

/** What is held against each other is measured within one repeat. */
interface Repeat {
  readonly maskMs: number;
  readonly single: Unmasking;
  readonly double: Unmasking;
  readonly toLimit: number;
}

/**
 * What the coordinator does between the last share and the open sum: checks the last answer, rebuilds every survivor's seed and every dropped
 * member's mask key from its shares (each share's hash was checked when it came, as in a round), derives the masks' keys, expands the masks and takes
 * them from the sum. A mask's own figure is taken on one core before and after it, and the ratio is made within one repeat: a machine that others use is
 * quick one second and slow the next. Of some repeats the median ratio counts; between one core and two, the least of each.
 *
 * With `peers`, Flower's own server code does the same for 50 members on the complete graph with the same threshold and every surviving member's
 * share, at 0 and 10 % drop-outs: combine_shares, generate_shared_key, pseudo_rand_gen and the additions of its unmask stage on one array of all
 * parameters, without its network. Its Shamir takes all shares it has, as its code does; ours the first t. One repeat of it is some twenty seconds, so
 * it has two.
 */
export async function benchUnmask(options: { params: number; peers: boolean }): Promise<BenchResult> {
  const { params } = options;
  const config = leagueConfig(maxCompleteCohort, { vectorLength: params, wordBits: 32 });
  const one = new MaskThreads(1);
  const two = new MaskThreads(2);
  const cases: BenchCase[] = [];
  const told: Record<string, unknown> = {};
  const say = (found: BenchCase): void => {
    cases.push(found);
    const ratio = found.ratio === undefined ? '' : `, ${found.ratio.toFixed(3)} of ${found.against}`;
    process.stderr.write(`${found.name}: ${found.value.toFixed(1)} ${found.unit}${ratio}\n`);
  };
  try {
    const shapes: readonly (readonly [string, Omit<RoundShape, 'config'>])[] = [
      ['complete, n=100, 10 % gone', { members: 100, gone: 10, holders: undefined, threshold: 67 }],
      ['k-out 32, n=100, 10 % gone', { members: 100, gone: 10, holders: 32, threshold: 22 }],
      ['k-out, n=1000, 5 % gone', sparse(1000, 0.1, 0.05)],
    ];
    for (const [name, shape] of shapes) {
      const round = revealedRound({ config, ...shape });
      const all: Repeat[] = [];
      for (let repeat = -1; repeat < (shape.members > 500 ? 3 : repeats); repeat++) {
        const before = await maskFigureMs(config, one);
        const single = await unmaskOnce(config, round, one);
        const after = await maskFigureMs(config, one);
        const double = await unmaskOnce(config, round, two);
        if (repeat < 0) continue;
        const maskMs = (before + after) / 2;
        all.push({
          maskMs,
          single,
          double,
          toLimit: single.totalMs / (allowedFactor * single.expansions * maskMs + allowedMs),
        });
      }
      const { maskMs, single, toLimit } = all.toSorted((left, right) => left.toLimit - right.toLimit)[all.length >> 1]!;
      const least = (cores: 'single' | 'double') => Math.min(...all.map((repeat) => repeat[cores].totalMs));
      const [leastSingleMs, leastDoubleMs] = [least('single'), least('double')];
      told[name] = { ...shape, maskMs, oneCore: single, leastSingleMs, leastDoubleMs };
      process.stderr.write(
        `${name}: ${single.expansions} expansions at ${maskMs.toFixed(3)} ms, rebuilt in ${single.rebuildMs.toFixed(0)} ms\n`,
      );
      const oneCore = `${name}, one core`;
      const allowed = held(`${allowedFactor} · expansions · mask + ${allowedMs} ms`, toLimit, 1);
      say({ name: oneCore, value: single.totalMs, unit: 'ms', ...allowed });
      const half = held(`${oneCore}, the least`, leastDoubleMs / leastSingleMs, twoCoresLimit);
      say({ name: `${name}, two cores`, value: leastDoubleMs, unit: 'ms', ...half });
    }
    if (options.peers) told.flower = await againstFlower(config, params, one, say);
    return { cases, unmask: told };
  } finally {
    await one.close();
    await two.close();
  }
}

function sparse(members: number, corruptRate: number, dropoutRate: number): Omit<RoundShape, 'config'> {
  const found = kOutParameters(members, corruptRate, dropoutRate);
  if (!found.feasible) throw new Error(found.reason);
  return { members, gone: Math.floor(members * dropoutRate), holders: found.degree, threshold: found.threshold };
}

const held = (against: string, ratio: number, limit: number) => ({ against, ratio, limit, pass: ratio <= limit });

/** One mask's share of an expansion of some dozens, in milliseconds, through the same thread. */
async function maskFigureMs(config: SecAggConfig, threads: MaskThreads): Promise<number> {
  const masks = Array.from({ length: neighbours }, (_, at) => ({
    key: new SecretBytes(seededRandom(`figure/${at}`).bytes(32)),
    sign: 1 as const,
  }));
  const began = performance.now();
  await threads.expand(config, masks, () => undefined);
  return (performance.now() - began) / neighbours;
}

async function unmaskOnce(
  config: SecAggConfig,
  round: ReturnType<typeof revealedRound>,
  threads: MaskThreads,
): Promise<Unmasking> {
  const sum = new FoldedSum(config);
  const began = performance.now();
  const plan = rebuildMasks(round);
  const rebuildMs = performance.now() - began;
  await threads.expand(config, plan.masks, (at, part) => sum.subtract(at, part));
  const totalMs = performance.now() - began;
  const expansions = plan.masks.length;
  wipeUnmaskPlan(plan);
  return { totalMs, rebuildMs, expansions };
}

async function againstFlower(
  config: SecAggConfig,
  params: number,
  threads: MaskThreads,
  say: (found: BenchCase) => void,
): Promise<unknown> {
  const flower = await startPeer(flowerPeer, new URL('./flowerUnmask.py', import.meta.url));
  process.stderr.write(`against ${JSON.stringify(flower.versions)}\n`);
  try {
    const [members, threshold] = [50, 34];
    for (const gone of [0, 5]) {
      const round = revealedRound({ config, members, gone, holders: undefined, threshold });
      let ours = Number.POSITIVE_INFINITY;
      let theirs = Number.POSITIVE_INFINITY;
      for (let repeat = 0; repeat < 2; repeat++) {
        theirs = Math.min(theirs, Number(await flower.ask(`${params} ${members} ${gone} ${threshold}`)) / 1e9);
        for (let more = 0; more < repeats; more++)
          ours = Math.min(ours, (await unmaskOnce(config, round, threads)).totalMs / 1000);
      }
      const place = `n=${members}, ${(100 * gone) / members} % gone`;
      say({ name: `flower's own code, ${place}`, value: theirs, unit: 's' });
      const ratio = ours / theirs;
      say({
        name: `flower against unmask, ${place}`,
        value: ours,
        unit: 's',
        against: `flower's own code, ${place}`,
        ratio,
        limit: flowerLimit,
        pass: ratio <= flowerLimit,
      });
    }
    return flower.versions;
  } finally {
    flower.end();
  }
}
