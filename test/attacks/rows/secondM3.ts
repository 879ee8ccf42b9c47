import { type Row, staged } from '../harness/row.ts';
import type { Scene } from '../harness/scene.ts';
import type { SetUp } from '../harness/setUp.ts';

const twoVectors = 'other U2: one vector masked with members that are dead in the other';

async function again(scene: Scene, change: (scene: Scene) => Parameters<SetUp['startRound']>[1]): Promise<undefined> {
  const set = await scene.shared();
  await set.mask();
  await set.mask((member) => (member === scene.victim ? change(scene) : undefined));
  return undefined;
}

/** One M5 reveals every mask of a set-up, so a second vector under the same masks would be readable. */
export const secondM3: Row = {
  number: 4,
  name: 'second-m3',
  attack: 'a second M3 in one set-up',
  attacks: [
    staged('other model', 'SetupSpent', (scene) =>
      again(scene, () => ({ sharers: scene.members, modelHash: scene.otherModelHash() })),
    ),
    staged('other round', 'SetupSpent', (scene) => again(scene, () => ({ sharers: scene.members, round: 2 }))),
    staged('while the node still trains for the first', 'SetupSpent', async (scene) => {
      const set = await scene.shared();
      await set.tell(scene.victim, 'startRound', set.startRound(scene.victim, { sharers: scene.members }).message);
      const other = { sharers: scene.members, modelHash: scene.otherModelHash() };
      await set.tell(scene.victim, 'startRound', set.startRound(scene.victim, other).message);
      return undefined;
    }),
    staged('the same again', 'the same bytes', async (scene) => {
      const set = await scene.shared();
      await set.mask();
      await set.mask((member) => (member === scene.victim ? { sharers: scene.members } : undefined));
      const [first, second] = scene.rogue.uploads.filter(({ node }) => node === scene.victim);
      return Buffer.compare(first!.bytes, second!.bytes) === 0 ? 'the same bytes' : 'other bytes';
    }),
    staged('a crash between', 'UnknownSetup', async (scene) => {
      const set = await scene.shared();
      await set.mask();
      await scene.restart(scene.victim);
      await set.mask((member) => (member === scene.victim ? { sharers: scene.members } : undefined));
      return undefined;
    }),
    staged(twoVectors, 'SetupSpent', async (scene) => {
      const [victim, a1, a2, b1, b2] = scene.honest as [number, number, number, number, number];
      const set = await scene.shared();
      await set.mask((member) =>
        member === victim
          ? { sharers: [victim, a1, a2, ...scene.colluding], modelHash: scene.otherModelHash() }
          : undefined,
      );
      await set.mask();
      const alive = [victim, b1, b2, ...scene.colluding];
      await set.collectSignatures((member) => (alive.includes(member) ? alive : undefined));
      await set.reveal();
      return undefined;
    }),
  ],
  breaks: [
    {
      variant: twoVectors,
      without: { 'one vector a set-up': 'Internal', 'work in order': 'SetupSpent' },
      gains: 'one update',
    },
  ],
};
