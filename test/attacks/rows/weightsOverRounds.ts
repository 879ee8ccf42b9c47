import { seededRandom, uniformInt } from '@hansa/shared/random';
import { type Outcome, type Row, staged } from '../harness/row.ts';
import type { Scene, SceneOptions } from '../harness/scene.ts';
import { modelLength } from '../harness/trainer.ts';

const rounds = 20;
/** Training windows of each member, which nobody else may learn. */
const counts = [137, 822, 455, 1290, 268, 961, 1533];
const inBuckets = '20 rounds, weights in buckets';

const options = (config: SceneOptions['config']): SceneOptions => ({
  honest: counts.length,
  colluders: 0,
  config: { weightMax: 16, ...config },
  windows: (place) => counts[place]!,
});

/** Rounds with natural drop-outs, then the sums of weights solved for each member's by least squares. */
async function solve(scene: Scene): Promise<Outcome> {
  const random = seededRandom('drop-outs');
  const rows: number[][] = [];
  const sums: number[] = [];
  for (let round = 0; round < rounds; round++) {
    const gone = Array.from({ length: uniformInt(random, 3) }, () => scene.honest[uniformInt(random, counts.length)]!);
    const alive = scene.without(...gone);
    const set = await (await scene.shared()).mask();
    await set.collectSignatures((member) => (alive.includes(member) ? alive : undefined));
    await set.reveal();
    await Promise.all(alive.map((member) => set.tell(member, 'result', set.result(member, alive))));
    const sum = set.view.openedSums().find(({ members }) => members.length === alive.length)!;
    rows.push(scene.honest.map((member) => (alive.includes(member) ? 1 : 0)));
    sums.push(sum.words[modelLength]!);
    scene.round += 1;
  }
  const solved = leastSquares(rows, sums).map(Math.round);
  if (solved.every((weight, place) => weight === counts[place]))
    return { did: 'solved', gained: "every member's count" };
  return { did: new Set(solved).size === 1 ? 'all alike' : `one of ${scene.config.weightMax} buckets each` };
}

/** x that makes |Ax − b| least, by the normal equations. */
function leastSquares(rows: readonly number[][], sums: readonly number[]): number[] {
  const size = rows[0]!.length;
  const matrix = Array.from({ length: size }, (_, i) => [
    ...Array.from({ length: size }, (__, j) => rows.reduce((sum, row) => sum + row[i]! * row[j]!, 0)),
    rows.reduce((sum, row, at) => sum + row[i]! * sums[at]!, 0),
  ]);
  for (let pivot = 0; pivot < size; pivot++) {
    const best = matrix
      .slice(pivot)
      .reduce((top, row, at) => (Math.abs(row[pivot]!) > Math.abs(matrix[pivot + top]![pivot]!) ? at : top), 0);
    [matrix[pivot], matrix[pivot + best]] = [matrix[pivot + best]!, matrix[pivot]!];
    for (const row of matrix) {
      if (row === matrix[pivot]) continue;
      const factor = row[pivot]! / matrix[pivot]![pivot]!;
      for (let at = pivot; at <= size; at++) row[at] = row[at]! - factor * matrix[pivot]![at]!;
    }
  }
  return matrix.map((row, at) => row[size]! / row[at]!);
}

/** Weights that sums over different members may reveal. */
export const weightsOverRounds: Row = {
  number: 22,
  name: 'weights-over-rounds',
  attack: '20 rounds of natural drop-outs, solved for each weight',
  attacks: [
    staged('20 rounds, uniform weights', 'all alike', solve, options({ weighting: 'uniform' })),
    staged(inBuckets, 'one of 16 buckets each', solve, options({ weighting: 'buckets' })),
  ],
  breaks: [
    {
      variant: inBuckets,
      without: { 'uniform or bucketed weights': "every member's count" },
      gains: "every member's count",
    },
  ],
};
