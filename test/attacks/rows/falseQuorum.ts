import type { Quorum } from '@hansa/shared/protocol/secagg';
import { survivorsBytes } from '@hansa/shared/protocol/secagg';
import { messageAttack, onWire, type Row, staged } from '../harness/row.ts';
import type { Scene } from '../harness/scene.ts';
import type { SetUp } from '../harness/setUp.ts';
import { scatteredU3, threeDead } from './differentU3.ts';

const padded = 'different U3, each quorum filled with one signature counted again';

const withSignatures =
  (change: (signatures: Quorum['signatures'], scene: Scene, set: SetUp) => Quorum['signatures']) =>
  (scene: Scene, set: SetUp) => {
    const message = set.quorum(scene.victim);
    return onWire('quorum', { ...message, signatures: change(message.signatures, scene, set) });
  };

/** A colluder's signature on another statement than the victim's. */
const onSomethingElse = (of: (roundHash: Uint8Array, bits: Uint8Array) => Uint8Array) =>
  withSignatures((signatures, scene, set) => {
    const signed = of(set.rounds.get(scene.victim)!.hash, set.survivorBits.get(scene.victim)!);
    return signatures.map(({ index, signature }) => ({
      index,
      signature: scene.colluders.get(index)?.identity.sign('m4', signed) ?? signature,
    }));
  });

/** Fewer members than a quorum, presented as a quorum. */
export const falseQuorum: Row = {
  number: 15,
  name: 'false-quorum',
  attack: 'a false quorum',
  attacks: [
    messageAttack({
      quorum: {
        'one signature too few': ['NoQuorum', withSignatures((signatures) => signatures.slice(0, 4))],
        'none at all': ['NoQuorum', withSignatures(() => [])],
        'one signer twice in place of the fifth': [
          'NoQuorum',
          withSignatures((signatures) => [...signatures.slice(0, 4), signatures[0]!]),
        ],
        'a whole quorum and one signer again': [
          'NoQuorum',
          withSignatures((signatures) => [...signatures, signatures[0]!]),
        ],
        'a signer outside the roster': [
          'NoQuorum',
          withSignatures((signatures) => [...signatures.slice(0, 4), { ...signatures[4]!, index: 9999 }]),
        ],
        "one member's signature under another's name": [
          'NoQuorum',
          withSignatures(([first, second, ...rest]) => [first!, { ...second!, signature: first!.signature }, ...rest]),
        ],
        'signatures on another R': ['NoQuorum', onSomethingElse((_, bits) => survivorsBytes(new Uint8Array(32), bits))],
        'signatures on another U3': [
          'NoQuorum',
          onSomethingElse((roundHash) => survivorsBytes(roundHash, Uint8Array.of(0x1f))),
        ],
      },
    }),
    staged('a signer of U2 that is not in U3', 'NoQuorum', async (scene) => {
      const set = await (await scene.shared()).mask();
      const outside = scene.colluding[1]!;
      const alive = scene.without(outside);
      await set.collectSignatures((member) => (alive.includes(member) ? alive : undefined));
      const message = set.quorum(scene.victim);
      const signature = set.signaturesOn(scene.victim, alive).get(outside)!;
      await set.tell(scene.victim, 'quorum', {
        ...message,
        signatures: [...message.signatures.slice(0, 4), { index: outside, signature }],
      });
      return undefined;
    }),
    staged(padded, 'NoQuorum', async (scene) => {
      const set = await (await scene.shared()).mask();
      await set.collectSignatures(scatteredU3(scene, threeDead));
      await set.reveal((member) => {
        const message = set.quorum(member);
        return { ...message, signatures: Array.from({ length: 5 }, (_, at) => message.signatures[at % 3]!) };
      });
      return undefined;
    }),
  ],
  breaks: [{ variant: padded, without: { 'distinct signers': 'a sum of 2' }, gains: 'a sum of 2' }],
};
