import { randomUUID } from 'node:crypto';
import { messageAttack, onWire, type Row, staged } from '../harness/row.ts';
import { scatteredU3, threeDead } from './differentU3.ts';

const oldSignatures = 'signatures of M4 from earlier rounds fill the quorum';

/** Old messages, sent again in another context. */
export const replayedMessages: Row = {
  number: 9,
  name: 'replayed-messages',
  attack: 'replay across set-up, task, round, group, federation',
  attacks: [
    messageAttack(
      {
        open: {
          'OPEN of a round that is over': ['SequenceReplayed', (_scene, _set, earlier) => onWire('open', earlier.open)],
          'OPEN of another federation': [
            'PolicyRefused',
            (_, set) => onWire('open', set.signOpen({ ...set.open, federation: randomUUID() })),
          ],
          'OPEN of another task': [
            'PolicyRefused',
            (_, set) => onWire('open', set.signOpen({ ...set.open, task: randomUUID() })),
          ],
          'OPEN of another group': [
            'PolicyRefused',
            (_, set) => onWire('open', set.signOpen({ ...set.open, group: 1 })),
          ],
          'OPEN that has expired': [
            'Timeout',
            (_, set) => onWire('open', set.signOpen({ ...set.open, notAfterMs: Date.now() - 1 })),
          ],
        },
        cohort: {
          'L1 of another set-up': ['UnknownSetup', (_scene, _set, earlier) => onWire('cohort', earlier.cohort())],
          'L1 of another set-up, under this sid': [
            'BadSignature',
            (_, set, earlier) => onWire('cohort', { ...earlier.cohort(), sid: set.sid }),
          ],
          "the others' M1 of another set-up in a new L1": [
            'BadSignature',
            (scene, set, earlier) => {
              const old = earlier.cohort().members.filter(({ index }) => index !== scene.victim);
              const own = set.cohort().members.filter(({ index }) => index === scene.victim);
              return onWire('cohort', set.signCohort([...own, ...old]));
            },
          ],
        },
        encryptedShares: {
          "M2' of another set-up": [
            'UnknownSetup',
            (scene, _set, earlier) => onWire('encryptedShares', earlier.sharesFor(scene.victim)),
          ],
          "M2' of another set-up, under this sid": [
            'CohortMismatch',
            (scene, set, earlier) => onWire('encryptedShares', { ...earlier.sharesFor(scene.victim), sid: set.sid }),
          ],
        },
        startRound: {
          'M3 of another set-up, under this sid': [
            'BadSignature',
            (scene, set, earlier) => {
              const { message } = earlier.startRound(scene.victim, { sharers: scene.members });
              return onWire('startRound', { ...message, sid: set.sid });
            },
          ],
        },
        survivors: {
          'M4 of another set-up, under this sid': [
            'WrongRound',
            (scene, set, earlier) =>
              onWire('survivors', { ...earlier.survivors(scene.victim, scene.members), sid: set.sid }),
          ],
          'M4 of another round, under this one': [
            'BadSignature',
            (scene, set, earlier) => {
              const { sid, roundHash } = set.survivors(scene.victim, scene.members);
              return onWire('survivors', { ...earlier.survivors(scene.victim, scene.members), sid, roundHash });
            },
          ],
        },
        quorum: {
          'M5 of another round, under this sid': [
            'WrongRound',
            (scene, set, earlier) => onWire('quorum', { ...earlier.quorum(scene.victim), sid: set.sid }),
          ],
          'M5 of another round, under this one': [
            'NoQuorum',
            (scene, set, earlier) => {
              const { signatures } = earlier.quorum(scene.victim);
              return onWire('quorum', { ...set.quorum(scene.victim), signatures });
            },
          ],
        },
        result: {
          'M6 of another round, under this sid': [
            'WrongRound',
            (scene, set, earlier) => onWire('result', { ...earlier.result(scene.victim), sid: set.sid }),
          ],
        },
      },
      { afterRound: true },
    ),
    staged(oldSignatures, 'NoQuorum', async (scene) => {
      const kept: { alive: readonly number[]; signatures: ReadonlyMap<number, Uint8Array> }[] = [];
      for (const dead of [
        [2, 3],
        [2, 4],
        [3, 4],
      ] as const) {
        const alive = scene.without(...dead.map((place) => scene.honest[place]!));
        const set = await (await scene.shared()).mask();
        await set.collectSignatures((member) => (alive.includes(member) ? alive : undefined));
        kept.push({ alive, signatures: set.signaturesOn(scene.victim, alive) });
        scene.round += 1;
      }
      const set = await (await scene.shared()).mask();
      await set.collectSignatures(scatteredU3(scene, threeDead));
      for (const { alive, signatures } of kept)
        for (const [member, signature] of signatures) set.addSignature(scene.victim, alive, member, signature);
      await set.reveal();
      return undefined;
    }),
  ],
  breaks: [{ variant: oldSignatures, without: { 'R in M4': 'a sum of 2' }, gains: 'a sum of 2' }],
};
