import { type Row, staged } from '../harness/row.ts';
import type { Scene } from '../harness/scene.ts';

const inPairs = 'every member its own, three members dead to the others';
const inCircle = 'every member its own, each but the victim dead to two';

/** Sends each honest member a U3 in which two others are dead, so that enough holders count the attacker's target as dead. */
export const scatteredU3 =
  (scene: Scene, deadTo: readonly (readonly [number, number])[]) =>
  (member: number): readonly number[] | undefined => {
    const place = scene.honest.indexOf(member);
    return deadTo[place] && scene.without(...deadTo[place].map((dead) => scene.honest[dead]!));
  };

/** By place among the honest: places 2, 3 and 4 are dead to three others each, places 0 and 1 to nobody. */
export const threeDead = [
  [2, 3],
  [2, 4],
  [3, 4],
  [2, 4],
  [2, 3],
] as const;

const fourDead = [
  [1, 2],
  [2, 3],
  [3, 4],
  [4, 1],
  [1, 2],
] as const;

/** Holders that count different members as dead reveal shares of both secrets of one member. */
export const differentU3: Row = {
  number: 2,
  name: 'different-u3',
  attack: 'different U3 to different members',
  attacks: [
    staged('to the victim another than to all others', 'NoQuorum', async (scene) => {
      const set = await (await scene.shared()).mask();
      const fewer = scene.without(scene.honest[4]!);
      await set.collectSignatures((member) => (member === scene.victim ? fewer : scene.members));
      const [other] = scene.honest.slice(1) as [number];
      await set.tell(scene.victim, 'quorum', set.quorum(other));
      return undefined;
    }),
    staged(inPairs, 'NoQuorum', async (scene) => {
      const set = await (await scene.shared()).mask();
      await set.collectSignatures(scatteredU3(scene, threeDead));
      await set.reveal();
      return undefined;
    }),
    staged(inCircle, 'NoQuorum', async (scene) => {
      const set = await (await scene.shared()).mask();
      await set.collectSignatures(scatteredU3(scene, fourDead));
      await set.reveal();
      return scene.leak() === undefined ? 'too few shares' : undefined;
    }),
  ],
  breaks: [
    { variant: inPairs, without: { quorum: 'a sum of 2' }, gains: 'a sum of 2' },
    { variant: inCircle, without: { quorum: 'too few shares', 't above half': 'NoQuorum' }, gains: 'one update' },
  ],
};
