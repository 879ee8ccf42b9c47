import { deriveKey, SecretBytes, unseal } from '@hansa/shared/crypto';
import {
  advertiseKeysBytes,
  type CohortMember,
  cohortHash,
  enc,
  encodeMessage,
  shareHash,
} from '@hansa/shared/protocol/secagg';
import { messageAttack, type Row, staged, type WireMessage } from '../harness/row.ts';
import type { Scene } from '../harness/scene.ts';
import type { SetUp } from '../harness/setUp.ts';

const anybodyReads = 'a member that advertises a sealing key of order 1';

/** L1 with a colluder's entry altered and signed by it. */
function cohortWith(scene: Scene, set: SetUp, change: (own: CohortMember) => Partial<CohortMember>) {
  const [index, { identity }] = [...scene.colluders][0]!;
  return set.signCohort(
    set.cohort().members.map((entry) => {
      if (entry.index !== index) return entry;
      const altered = { ...entry, ...change(set.cohort().members[0]!) };
      return { ...altered, signature: identity.sign('m1', advertiseKeysBytes({ sid: set.sid, ...altered })) };
    }),
  );
}

const withKeys =
  (change: (victim: CohortMember) => Partial<CohortMember>) =>
  (scene: Scene, set: SetUp): WireMessage => ({
    name: 'cohort',
    wire: encodeMessage('cohort', cohortWith(scene, set, change)),
  });

const one = Uint8Array.of(1, ...new Uint8Array(31));
/** p + 9: a non-canonical encoding of the base point. */
const notCanonical = Uint8Array.of(0xf6, ...new Uint8Array(30).fill(0xff), 0x7f);

/** Keys whose shared secret everybody, or another member, knows. */
export const unusableKeys: Row = {
  number: 19,
  name: 'unusable-keys',
  attack: 'low-order or duplicate keys, a commitment used again',
  attacks: [
    messageAttack({
      cohort: {
        'a mask key of order 1': ['InvalidKey', withKeys(() => ({ maskKey: new Uint8Array(32) }))],
        'a sealing key of order 4': ['InvalidKey', withKeys(() => ({ cipherKey: one }))],
        'a non-canonical key': ['InvalidKey', withKeys(() => ({ maskKey: notCanonical }))],
        "the victim's mask key": ['InvalidKey', withKeys(({ maskKey }) => ({ maskKey }))],
        "the victim's sealing key": ['InvalidKey', withKeys(({ cipherKey }) => ({ cipherKey }))],
        "the victim's mask key as a sealing key": ['InvalidKey', withKeys(({ maskKey }) => ({ cipherKey: maskKey }))],
        "the victim's commitment": ['InvalidKey', withKeys(({ selfCommitment }) => ({ selfCommitment }))],
      },
    }),
    staged(anybodyReads, 'InvalidKey', async (scene) => {
      const { victim } = scene;
      const holder = scene.colluding[0]!;
      const set = await scene.setUp().advertise();
      const cohort = cohortWith(scene, set, () => ({ cipherKey: new Uint8Array(32) }));
      await set.deal((member) => (member === victim ? cohort : undefined));
      // Anyone who sees the box can open it, without a secret.
      const { boxes, commitments } = set.dealt.get(victim)!;
      const { nonce, ciphertext } = boxes.find((box) => box.holder === holder)!;
      const h1 = cohortHash(cohort);
      const key = deriveKey(new SecretBytes(new Uint8Array(32)), set.sid, enc('box', h1, victim, holder));
      const plain = unseal(key, nonce, ciphertext, enc('box', set.sid, h1, victim, holder));
      const { selfHash } = commitments.find((entry) => entry.holder === holder)!;
      const isShare =
        plain !== undefined &&
        Buffer.compare(shareHash(set.sid, victim, holder, 'self', plain.subarray(1, 33)), selfHash) === 0;
      return { did: 'let it pass', ...(isShare && { gained: 'shares of b and s' }) };
    }),
  ],
  breaks: [
    {
      variant: anybodyReads,
      without: { 'usable keys': 'InvalidKey', 'no zero secret': 'InvalidKey' },
      gains: 'shares of b and s',
    },
  ],
};
