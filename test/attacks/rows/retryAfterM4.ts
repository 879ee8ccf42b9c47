import { type Row, staged } from '../harness/row.ts';

const withoutOne = 'the round again, without one member';

const atOnce = 'two set-ups alive at once for the round, one without one member';

/** Two sums of one round that differ by one member reveal that member's update. */
export const retryAfterM4: Row = {
  number: 5,
  name: 'retry-after-m4',
  attack: 'retry after M4',
  attacks: [
    staged('in the same set-up, without one member', 'ConflictingMessage', async (scene) => {
      const set = await (await scene.shared()).mask();
      await set.collectSignatures();
      const alive = scene.without(scene.victim);
      await set.collectSignatures((member) => (alive.includes(member) ? alive : undefined));
      return undefined;
    }),
    staged(withoutOne, 'RoundAlreadySigned', async (scene) => {
      await (await scene.shared()).finish();
      const alive = scene.without(scene.victim);
      const told = (member: number) => alive.includes(member);
      const retry = await scene.shared();
      await retry.mask((member) => (told(member) ? { sharers: alive } : undefined));
      await retry.collectSignatures((member) => (told(member) ? alive : undefined));
      await retry.reveal();
      return undefined;
    }),
    staged(atOnce, 'UnknownSetup', async (scene) => {
      const alive = scene.without(scene.victim);
      const told = (member: number) => alive.includes(member);
      const first = await scene.shared();
      const second = await scene.shared();
      await first.mask();
      await second.mask((member) => (told(member) ? { sharers: alive } : undefined));
      await first.collectSignatures();
      await first.reveal();
      await second.collectSignatures((member) => (told(member) ? alive : undefined));
      await second.reveal();
      return undefined;
    }),
    staged('the round again, after a restart', 'RoundAlreadySigned', async (scene) => {
      await (await scene.shared()).finish();
      await scene.restart(scene.victim);
      const retry = await scene.shared();
      await retry.mask((member) => (member === scene.victim ? { sharers: scene.members } : undefined));
      return undefined;
    }),
    staged('a round that is past', 'WrongRound', async (scene) => {
      scene.round = 2;
      await (await scene.shared()).finish();
      scene.round = 1;
      await (await scene.shared()).mask();
      return undefined;
    }),
  ],
  breaks: [
    {
      variant: withoutOne,
      without: { 'M4 once, seen at M3': 'RoundAlreadySigned', 'M4 once, seen at M4': 'RoundAlreadySigned' },
      gains: 'one update',
    },
    {
      variant: atOnce,
      without: { 'one round at a time': 'RoundAlreadySigned', 'M4 once, seen at M4': 'UnknownSetup' },
      gains: 'one update',
    },
  ],
};
