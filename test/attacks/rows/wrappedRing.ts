import { withScales } from '@hansa/aggregation/secagg/testing';
import { type Outcome, type Row, staged } from '../harness/row.ts';
import type { Scene, SceneOptions } from '../harness/scene.ts';
import { modelLength } from '../harness/trainer.ts';

const tooLarge = 'S one power too large, every member at +c';

/** As many members as the task takes, all honest, each at its clip in one number, all at the largest weight. */
const atTheClip = (sign: 1 | -1): SceneOptions => ({
  honest: 7,
  colluders: 0,
  config: { weightMax: 16 },
  update: () => new Float32Array(modelLength).fill(4 * sign, 0, 1),
});

/** The sum of all, compared with n · c. */
async function sumOfAll(scene: Scene, config = scene.config): Promise<Outcome> {
  const set = scene.setUp({ config });
  await (await set.share()).finish();
  const sum = set.view.openedSums().find(({ members }) => members.length === scene.honest.length)!;
  const first = (sum.words[0]! | 0) / 2 ** config.parts[0]!.scaleLog2;
  const weights = sum.words[modelLength]!;
  const isExact = Math.abs(first) === 4 * scene.honest.length && weights === 16 * scene.honest.length;
  return isExact ? { did: 'exact' } : { did: 'wrong', gained: 'a sum that has wrapped' };
}

/** Sums at the limit of the ring. */
export const wrappedRing: Row = {
  number: 20,
  name: 'wrapped-ring',
  attack: 'every member at its clip, n maximal, all weights W',
  attacks: [
    staged('every member at +c', 'exact', (scene) => sumOfAll(scene), atTheClip(1)),
    staged('every member at -c', 'exact', (scene) => sumOfAll(scene), atTheClip(-1)),
    staged(
      tooLarge,
      'InvalidTask',
      (scene) =>
        sumOfAll(
          scene,
          withScales(scene.config, (scaleLog2) => scaleLog2 + 1),
        ),
      atTheClip(1),
    ),
  ],
  breaks: [
    {
      variant: tooLarge,
      without: { 'proof that no sum wraps': 'a sum that has wrapped' },
      gains: 'a sum that has wrapped',
    },
  ],
};
