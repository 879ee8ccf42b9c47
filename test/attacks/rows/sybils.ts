import { encodeMessage, rosterHash } from '@hansa/shared/protocol/secagg';
import { type Row, staged } from '../harness/row.ts';

const amongSybils = 'a first roster of members that the coordinator made up';
const threeOfThem = 'a cohort of the victim and the colluders';

const firstHash = new Uint8Array(32);

/** A sum in which only one member is real. */
export const sybils: Row = {
  number: 13,
  name: 'sybils',
  attack: 'sybils, a roster that jumps, small cohorts',
  attacks: [
    staged(
      amongSybils,
      'RosterUnapproved',
      async (scene) => {
        const { victim, rogue } = scene;
        scene.colluders.clear();
        const sybils = Array.from({ length: 6 }, () => scene.addSybil());
        const members = [victim, ...sybils];
        scene.roster = scene.signRoster({ epoch: 0, prevHash: firstHash, members });
        await rogue.tell(victim, 'roster', encodeMessage('roster', scene.roster));
        await scene.introduce(victim);
        for (const sybil of sybils) scene.colluders.get(sybil)!.join(scene.roster);
        const told = (member: number) => members.includes(member);
        const set = scene.setUp();
        await set.advertise((member) => (told(member) ? set.open : undefined));
        await set.deal((member) => (told(member) ? set.cohort() : undefined));
        await set.handOut();
        await set.mask((member) => (told(member) ? { sharers: members } : undefined));
        await set.collectSignatures((member) => (told(member) ? members : undefined));
        await set.reveal();
        return undefined;
      },
      { unintroduced: true },
    ),
    staged('two newcomers that nobody approved', 'RosterUnapproved', async (scene) => {
      scene.addSybil();
      scene.addSybil();
      const next = scene.signRoster({ epoch: 1, prevHash: rosterHash(scene.roster), members: scene.members });
      await scene.rogue.tell(scene.victim, 'roster', encodeMessage('roster', next));
      return undefined;
    }),
    staged("a key of the attacker's under an approved member's approval", 'RosterUnapproved', async (scene) => {
      const member = scene.honest[4]!;
      const sybil = scene.addSybil();
      const { publicKey } = scene.rogue.enrolled.get(sybil)!;
      scene.rogue.enrolled.set(member, { ...scene.rogue.enrolled.get(member)!, publicKey });
      const members = scene.without(sybil);
      const next = scene.signRoster({ epoch: 1, prevHash: rosterHash(scene.roster), members });
      await scene.rogue.tell(scene.victim, 'roster', encodeMessage('roster', next));
      return undefined;
    }),
    staged('a roster that jumps: three of seven replaced', 'RosterChangeTooLarge', async (scene) => {
      const gone = scene.honest.slice(2);
      for (const _ of gone) scene.addSybil();
      const next = scene.signRoster({ epoch: 1, prevHash: rosterHash(scene.roster), members: scene.without(...gone) });
      await scene.rogue.tell(scene.victim, 'roster', encodeMessage('roster', next));
      return undefined;
    }),
    staged('a roster that jumps: an epoch left out', 'RosterMismatch', async (scene) => {
      const next = scene.signRoster({ epoch: 2, prevHash: rosterHash(scene.roster), members: scene.members });
      await scene.rogue.tell(scene.victim, 'roster', encodeMessage('roster', next));
      return undefined;
    }),
    staged(
      'a task with cohorts smaller than the node joins',
      'PolicyRefused',
      async (scene) => {
        await scene.setUp({ config: { ...scene.config, minCohort: 4 } }).advertise();
        return undefined;
      },
      { colluders: 1 },
    ),
    staged(
      'two cohorts in one round, each below the smallest',
      'CohortTooSmall',
      async (scene) => {
        const set = await scene.setUp().advertise();
        const first = [...scene.honest.slice(0, 3), ...scene.colluding];
        await set.deal((member) =>
          set.cohort(first.includes(member) ? first : scene.without(...scene.honest.slice(0, 2))),
        );
        return undefined;
      },
      { colluders: 1 },
    ),
    staged(
      threeOfThem,
      'CohortTooSmall',
      async (scene) => {
        const members = [scene.victim, ...scene.colluding];
        const told = (member: number) => members.includes(member);
        const set = await scene.setUp().advertise();
        const cohort = set.cohort(members);
        await set.deal((member) => (told(member) ? cohort : undefined));
        await set.handOut();
        await set.mask((member) => (told(member) ? { sharers: members } : undefined));
        await set.collectSignatures((member) => (told(member) ? members : undefined));
        await set.reveal();
        return undefined;
      },
      { policy: { knownFloor: 4 } },
    ),
  ],
  breaks: [
    { variant: amongSybils, without: { 'approved members': 'one update' }, gains: 'one update' },
    {
      variant: threeOfThem,
      without: { 'smallest cohort': 'UnknownPeers', 'known peers': 'CohortTooSmall' },
      gains: 'one update',
    },
  ],
};
