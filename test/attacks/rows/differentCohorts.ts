import { openBox, withScales, wordsOf } from '@hansa/aggregation/secagg/testing';
import { agreementKeyPair } from '@hansa/shared/crypto';
import { cohortHash, encodeMessage, rosterHash, setupId } from '@hansa/shared/protocol/secagg';
import { systemRandom } from '@hansa/shared/random';
import { Refused } from '../harness/rogue.ts';
import { type Row, staged } from '../harness/row.ts';
import type { Scene } from '../harness/scene.ts';
import type { SetUp } from '../harness/setUp.ts';

const otherScale = 'to the victim another scale than to all others';
const inTheMiddle = "other keys in place of all others'";

/** Two L1 of one set-up: only one has the last honest member, and half of the others receive the one without it. */
async function twoCohorts(scene: Scene): Promise<SetUp> {
  const set = await scene.setUp().advertise();
  const [, , c, d, last] = scene.honest;
  const [whole, shorter] = [set.cohort(), set.cohort(scene.without(last!))];
  await set.deal((member) =>
    scene.colluders.has(member) ? undefined : member === c || member === d ? shorter : whole,
  );
  return set;
}

/** Members with different views of who takes part. */
export const differentCohorts: Row = {
  number: 7,
  name: 'different-cohorts',
  attack: 'different cohorts, rosters, keys or configurations',
  attacks: [
    staged('two cohorts for one set-up', 'EquivocatedCohort, with evidence', async (scene) => {
      const set = await twoCohorts(scene);
      const end = await set.handOut().catch((error: unknown) => error);
      if (!(end instanceof Refused)) return 'let it pass';
      return scene.node(scene.victim).evidence().length > 0 ? `${end.code}, with evidence` : end.code;
    }),
    staged(
      "two cohorts, the other half's hash rewritten on the way",
      'kept no box of the other half',
      async (scene) => {
        const set = await twoCohorts(scene);
        await set.handOut((member) => {
          const cohort = set.cohorts.get(member)!;
          const { sid, dealers } = set.sharesFor(member);
          const told = { cohortHash: cohortHash(cohort), cohortSignature: cohort.signature };
          const known = dealers.filter((dealer) => cohort.members.some(({ index }) => index === dealer.index));
          return { sid, dealers: known.map((dealer) => ({ ...dealer, ...told })) };
        });
        const others = [scene.honest[2]!, scene.honest[3]!];
        return set.keptBy(scene.victim).some((member) => others.includes(member))
          ? 'kept boxes of the other half'
          : 'kept no box of the other half';
      },
    ),
    staged('a roster that the node has not accepted', 'RosterMismatch', async (scene) => {
      const other = scene.signRoster({
        epoch: 0,
        prevHash: new Uint8Array(32),
        members: scene.without(scene.honest[4]!),
      });
      await scene.setUp({ rosterHash: rosterHash(other) }).advertise();
      return undefined;
    }),
    staged('two rosters of one epoch', 'RosterMismatch', async (scene) => {
      const other = scene.signRoster({
        epoch: 0,
        prevHash: new Uint8Array(32),
        members: scene.without(scene.honest[4]!),
      });
      await scene.rogue.tell(scene.victim, 'roster', encodeMessage('roster', other));
      return undefined;
    }),
    staged(inTheMiddle, 'BadSignature', async (scene) => {
      const { victim } = scene;
      const set = await scene.setUp().advertise();
      const fakes = new Map(
        scene.without(victim).map((member) => [
          member,
          {
            cipher: agreementKeyPair(systemRandom),
            mask: agreementKeyPair(systemRandom),
            commitment: systemRandom.bytes(32),
          },
        ]),
      );
      const cohort = set.signCohort(
        set.cohort().members.map((entry) => {
          const fake = fakes.get(entry.index);
          if (fake === undefined) return entry;
          const keys = { cipherKey: fake.cipher.publicKey, maskKey: fake.mask.publicKey };
          return { ...entry, ...keys, selfCommitment: fake.commitment };
        }),
      );
      await set.deal((member) => (member === victim ? cohort : undefined));
      const { boxes } = set.dealt.get(victim)!;
      const cipherKey = set.advertised.get(victim)!.cipherKey;
      for (const [member, { cipher, mask }] of fakes) {
        const place = { sid: set.sid, cohortHash: cohortHash(cohort), dealer: victim, holder: member };
        const box = boxes.find(({ holder }) => holder === member)!;
        const content = openBox(place, { own: cipher.secretKey, other: cipherKey }, box)!;
        set.view.addShare(victim, 'self', content.x, content.self.expose());
        set.view.addKeys(cohort.members.find(({ index }) => index === member)!);
        set.view.addSecret(member, 'mask', mask.secretKey);
      }
      await set.handOut((member) => (member === victim ? { sid: set.sid, dealers: [] } : undefined));
      await set.mask((member) => (member === victim ? { sharers: scene.members } : undefined));
      return undefined;
    }),
    staged('another configuration than before', 'PolicyRefused', async (scene) => {
      await (await scene.shared()).finish();
      scene.round += 1;
      await scene.setUp({ config: { ...scene.config, minSurvivors: 2 } }).advertise();
      return undefined;
    }),
    staged(otherScale, 'BadSignature', async (scene) => {
      const { victim, config } = scene;
      // At 256 steps for a unit the others' updates round to almost nothing.
      const set = scene.setUp({ config: withScales(config, () => 8) });
      const forVictim = set.signOpen({ ...set.open, config });
      await set.advertise((member) => (member === victim ? forVictim : set.open));
      await set.deal((member) =>
        set.signCohort(set.cohort().members, setupId(member === victim ? forVictim : set.open)),
      );
      await set.handOut();
      await set.finish();
      const sum = set.view.openedSums().find(({ members }) => members.length === scene.honest.length);
      if (sum === undefined) return 'noise';
      const scale = 2 ** config.parts[0]!.scaleLog2;
      const truth = wordsOf(config, scene.node(victim).truth(scene.taskId, scene.round, scene.seq));
      const errors = Array.from(truth.subarray(0, config.vectorLength), (word, place) =>
        Math.abs(((sum.words[place]! - word) | 0) / scale),
      );
      return { did: 'let it pass', ...(Math.max(...errors) < 1e-4 && { gained: 'one update, to four digits' }) };
    }),
  ],
  breaks: [
    { variant: inTheMiddle, without: { 'keys signed by their members': 'one update' }, gains: 'one update' },
    {
      variant: otherScale,
      without: { 'configuration in the sid': 'NoQuorum', 'configuration in R': 'BadSignature' },
      gains: 'one update, to four digits',
    },
  ],
};
