import { thresholdsFor } from '@hansa/aggregation/secagg/server';
import { drawHolders } from '@hansa/aggregation/secagg/testing';
import { type RandomSource, systemRandom, uniformInt } from '@hansa/shared/random';
import { type Attack, messageAttack, onWire, type Row } from '../harness/row.ts';

const size = 100;
const trials = 10_000;
/** 5 % may be corrupt, and an attacker who has seen all picks may drop 5 %. */
const rates = { rule: 'k-out-40-20', gammaPermille: 50, deltaPermille: 50, minSurvivors: 2 } as const;
const few = 5;
const cut = 'a cut: the victim with the fewest honest neighbours, as many of them dropped as may be';

/** The system's randomness, drawn in large pieces: ten thousand cohorts need many small draws. */
const random: RandomSource = {
  bytes(count) {
    if (pool.length < count) pool = systemRandom.bytes(1 << 16);
    const bytes = pool.subarray(0, count);
    pool = pool.subarray(count);
    return bytes;
  },
};
let pool = new Uint8Array(0) as Uint8Array;

/** One cohort: the members that the attacker corrupted beforehand, then the honest members' picks, which it sees. */
function neighboursOf(corrupt: ReadonlySet<number>, holders: number): ReadonlyMap<number, ReadonlySet<number>> {
  const order = Array.from({ length: size }, (_, member) => member);
  const neighbours = new Map(order.map((member) => [member, new Set<number>()]));
  for (const member of order)
    for (const holder of drawHolders('kOut', order, member, holders, random)) {
      // A corrupt member can lie about its picks, so they do not count as an honest member's neighbours.
      if (corrupt.has(member) || corrupt.has(holder)) continue;
      neighbours.get(member)!.add(holder);
      neighbours.get(holder)!.add(member);
    }
  return neighbours;
}

/** Whether the graph of masks among the remaining members is connected. */
function isConnected(neighbours: ReadonlyMap<number, ReadonlySet<number>>, gone: ReadonlySet<number>): boolean {
  const left = [...neighbours.keys()].filter((member) => !gone.has(member));
  const seen = new Set(left.slice(0, 1));
  for (const member of seen) for (const other of neighbours.get(member)!) if (!gone.has(other)) seen.add(other);
  return seen.size === left.length;
}

const monteCarlo: Attack = {
  expects: { [cut]: `connected in ${trials} of ${trials} trials` },
  async run() {
    const { holders } = thresholdsFor(rates, size)!;
    let connected = 0;
    for (let trial = 0; trial < trials; trial++) {
      const corrupt = new Set<number>();
      while (corrupt.size < few) corrupt.add(uniformInt(random, size));
      const neighbours = neighboursOf(corrupt, holders);
      const honest = [...neighbours].filter(([member]) => !corrupt.has(member));
      const [, nearest] = honest.reduce((fewest, one) => (one[1].size < fewest[1].size ? one : fewest));
      const gone = new Set([...corrupt, ...[...nearest].slice(0, few)]);
      if (isConnected(neighbours, gone)) connected += 1;
    }
    const did = `connected in ${connected} of ${trials} trials`;
    return { [cut]: connected === trials ? { did } : { did, gained: 'a member cut off' } };
  },
};

/** A sparse graph, and who may choose its edges. */
export const chosenGraph: Row = {
  number: 16,
  name: 'chosen-graph',
  attack: 'k-out: L1 fitted to the picks, a cut by chosen drops',
  attacks: [
    monteCarlo,
    messageAttack({
      encryptedShares: {
        'another L1 once the picks are known': [
          'ConflictingMessage',
          (scene, set) => onWire('cohort', set.cohort(scene.without(scene.honest[4]!))),
        ],
      },
    }),
  ],
  breaks: [
    {
      variant: cut,
      without: {
        'holders drawn by each member': `connected in ${trials} of ${trials} trials`,
        'degree and threshold by the finder': 'a member cut off',
      },
      gains: 'a member cut off',
    },
  ],
};
