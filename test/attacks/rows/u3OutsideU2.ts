import { messageAttack, onWire, type Row, staged } from '../harness/row.ts';

const split = 'the victim masks with two members that U3 declares dead';

/** A victim whose neighbours the others all count as dead. */
export const u3OutsideU2: Row = {
  number: 3,
  name: 'u3-outside-u2',
  attack: 'U3 that is not part of U2',
  attacks: [
    staged(split, 'U3NotSubset', async (scene) => {
      const [victim, a1, a2, b1, b2] = scene.honest as [number, number, number, number, number];
      const set = await scene.shared();
      await set.mask((member) => ({
        sharers: member === b1 || member === b2 ? scene.members : [victim, a1, a2, ...scene.colluding],
      }));
      const alive = [victim, b1, b2, ...scene.colluding];
      await set.collectSignatures((member) => (alive.includes(member) ? alive : undefined));
      await set.reveal();
      return undefined;
    }),
    messageAttack({
      survivors: {
        'U3 with a bit beyond the cohort': [
          'U3NotSubset',
          (scene, set) => {
            const honest = set.survivors(scene.victim, scene.members);
            return onWire('survivors', set.signSurvivors({ ...honest, survivors: Uint8Array.of(0xff) }));
          },
        ],
        'U3 of another length': [
          'U3NotSubset',
          (scene, set) => {
            const honest = set.survivors(scene.victim, scene.members);
            return onWire('survivors', set.signSurvivors({ ...honest, survivors: Uint8Array.of(0x7f, 0) }));
          },
        ],
      },
    }),
  ],
  breaks: [{ variant: split, without: { 'U3 inside U2': 'NoQuorum', 'U2 in R': 'U3NotSubset' }, gains: 'one update' }],
};
