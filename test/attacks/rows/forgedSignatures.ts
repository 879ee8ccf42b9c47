import { sha256 } from '@hansa/shared/crypto';
import {
  cohortBytes,
  cohortHash,
  encodeMessage,
  openBytes,
  resultBytes,
  survivorsBytes,
} from '@hansa/shared/protocol/secagg';
import { messageAttack, onWire, type Row, staged, type WireMessage } from '../harness/row.ts';
import { scatteredU3, threeDead } from './differentU3.ts';

const challenge = 'a socket challenge that is the digest of an M4';

const stripped = ({ name, wire }: WireMessage): WireMessage => {
  const { signature: _, ...rest } = wire as { signature: string };
  return { name, wire: rest };
};

/** Signatures on other statements, and forged ones. */
export const forgedSignatures: Row = {
  number: 11,
  name: 'forged-signatures',
  attack: 'signatures stripped, forged, under another label',
  attacks: [
    messageAttack({
      open: {
        'OPEN stripped': ['InvalidMessage', (_, set) => stripped(onWire('open', set.open))],
        'OPEN forged': ['BadSignature', (_, set) => onWire('open', { ...set.open, signature: new Uint8Array(64) })],
        'OPEN under the label of a roster': [
          'BadSignature',
          ({ rogue }, set) => onWire('open', { ...set.open, signature: rogue.key.sign('roster', openBytes(set.open)) }),
        ],
      },
      cohort: {
        'L1 stripped': ['InvalidMessage', (_, set) => stripped(onWire('cohort', set.cohort()))],
        'L1 forged by a member': [
          'BadSignature',
          (scene, set) => {
            const cohort = set.cohort();
            const { identity } = scene.colluders.get(scene.colluding[0]!)!;
            const signed = cohortBytes(set.sid, cohortHash(cohort));
            return onWire('cohort', { ...cohort, signature: identity.sign('l1', signed) });
          },
        ],
        'L1 under the label of U3': [
          'BadSignature',
          ({ rogue }, set) => {
            const cohort = set.cohort();
            const signed = cohortBytes(set.sid, cohortHash(cohort));
            return onWire('cohort', { ...cohort, signature: rogue.key.sign('u3', signed) });
          },
        ],
      },
      startRound: {
        'M3 under the label of OPEN': [
          'BadSignature',
          (scene, set) => {
            const { message, hash } = set.startRound(scene.victim, { sharers: scene.members });
            return onWire('startRound', { ...message, signature: scene.rogue.key.sign('open', hash) });
          },
        ],
      },
      survivors: {
        'M4 forged': [
          'BadSignature',
          (scene, set) =>
            onWire('survivors', {
              ...set.survivors(scene.victim, scene.members),
              signature: new Uint8Array(64),
            }),
        ],
        'M4 under the label of L1': [
          'BadSignature',
          (scene, set) => {
            const message = set.survivors(scene.victim, scene.members);
            const signed = survivorsBytes(message.roundHash, message.survivors);
            return onWire('survivors', { ...message, signature: scene.rogue.key.sign('l1', signed) });
          },
        ],
      },
      quorum: {
        "M5 with a member's signature under the label of M3": [
          'NoQuorum',
          (scene, set) => {
            const message = set.quorum(scene.victim);
            const signed = survivorsBytes(message.roundHash, set.survivorBits.get(scene.victim)!);
            const signatures = message.signatures.map(({ index, signature }) => ({
              index,
              signature: scene.colluders.get(index)?.identity.sign('m3', signed) ?? signature,
            }));
            return onWire('quorum', { ...message, signatures });
          },
        ],
      },
      result: {
        'M6 under the label of M3': [
          'BadSignature',
          (scene, set) => {
            const message = set.result(scene.victim);
            return onWire('result', { ...message, signature: scene.rogue.key.sign('round', resultBytes(message)) });
          },
        ],
      },
    }),
    staged('a roster under the label of OPEN', 'BadSignature', async (scene) => {
      const { rogue, victim } = scene;
      const roster = scene.signRoster({ epoch: 1, prevHash: new Uint8Array(32), members: scene.members });
      const signature = rogue.key.sign('open', new Uint8Array(1));
      await rogue.tell(victim, 'roster', encodeMessage('roster', { ...roster, signature }));
      return undefined;
    }),
    staged(challenge, 'NoQuorum', async (scene) => {
      const { rogue, honest } = scene;
      const set = await (await scene.shared()).mask();
      const shown = scatteredU3(scene, threeDead);
      await set.collectSignatures(shown);
      // A member that signed another U3 signs this one too, as the answer to a challenge.
      for (const viewer of honest) {
        const alive = shown(viewer)!;
        const digest = sha256(survivorsBytes(set.rounds.get(viewer)!.hash, set.bits(viewer, alive)));
        for (const member of alive.filter((one) => scene.isHonest(one))) {
          if (set.signaturesOn(viewer, alive).has(member)) continue;
          rogue.nextSessionId = () => digest;
          rogue.hangUp(member);
          await rogue.connected(member);
          set.addSignature(viewer, alive, member, rogue.helloSignatures.get(member)!);
        }
      }
      await set.reveal();
      return undefined;
    }),
  ],
  breaks: [
    {
      variant: challenge,
      without: { labels: 'NoQuorum', 'nonce and audience of the handshake': 'NoQuorum' },
      gains: 'a sum of 2',
    },
  ],
};
