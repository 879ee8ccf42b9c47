import { type Row, staged } from '../harness/row.ts';

const asIfDead = 'two that the victim masks with are left out of the U2 of all others';

/** Shares of a member that is not in the round. */
export const shareOfOutsider: Row = {
  number: 14,
  name: 'share-of-outsider',
  attack: 'a share of s of one outside U2',
  attacks: [
    staged('a member that dealt its shares and is left out of U2', 'nothing is sent', async (scene) => {
      const outside = scene.honest[4]!;
      const set = await scene.shared();
      const inside = scene.without(outside);
      await set.mask((member) => (member === outside ? undefined : { sharers: inside }));
      await set.collectSignatures((member) => (member === outside ? undefined : inside));
      await set.reveal();
      const given = [set.view.sharesOf(outside, 'mask'), set.view.sharesOf(outside, 'self')];
      return given.every((count) => count === scene.colluding.length) ? 'nothing is sent' : 'its shares are sent';
    }),
    staged(asIfDead, 'U3NotSubset', async (scene) => {
      const [victim, a1, a2, b1, b2] = scene.honest as [number, number, number, number, number];
      const set = await scene.shared();
      const alive = [victim, b1, b2, ...scene.colluding];
      await set.mask((member) => {
        if (member === victim) return { sharers: [victim, a1, a2, ...scene.colluding] };
        return alive.includes(member) ? { sharers: alive } : undefined;
      });
      await set.collectSignatures((member) => (alive.includes(member) ? alive : undefined));
      await set.reveal();
      return scene.leak() === undefined ? 'too few shares' : undefined;
    }),
  ],
  breaks: [
    {
      variant: asIfDead,
      without: { 'nothing for others': 'U3NotSubset', 'U3 inside U2': 'NoQuorum', 'U2 in R': 'U3NotSubset' },
      gains: 'one update',
    },
  ],
};
