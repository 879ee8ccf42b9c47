import { closeBox } from '@hansa/aggregation/secagg/testing';
import { ToyLeague, type ToyNode } from '@hansa/coordinator/testing';
import { SecretBytes } from '@hansa/shared/crypto';
import type { RoundRecord } from '@hansa/shared/protocol';
import {
  encodeMessage,
  type MaskedInputHeader,
  maskedInputHeaderBytes,
  type NodeSetupMessageName,
  type RevealShares,
  revealSharesBytes,
  type ShareKeys,
  shareHash,
  shareKeysBytes,
} from '@hansa/shared/protocol/secagg';
import { systemRandom } from '@hansa/shared/random';
import { cheating, type Honest, send, sentBy, toyUpdate } from '../harness/cheat.ts';
import type { Attack, Outcome, Row } from '../harness/row.ts';

const atM5 = 'a bad share at M5 where every share is needed';

const signedReveal = (message: RevealShares, node: ToyNode): RevealShares => ({
  ...message,
  signature: node.sign('m5', revealSharesBytes(message)),
});

const header =
  (change: (message: MaskedInputHeader) => Partial<MaskedInputHeader>) =>
  ({ message }: Honest, node: ToyNode) => {
    const altered = { ...(message as MaskedInputHeader), ...change(message as MaskedInputHeader) };
    const signature = node.sign('m3', maskedInputHeaderBytes(altered));
    return { wire: encodeMessage('maskedInputHeader', { ...altered, signature }) };
  };

const reveal =
  (change: (shares: RevealShares['shares']) => RevealShares['shares']) =>
  ({ message }: Honest, node: ToyNode) => {
    const honest = message as RevealShares;
    return { wire: encodeMessage('revealShares', signedReveal({ ...honest, shares: change(honest.shares) }, node)) };
  };

const spoilt = (share: Uint8Array): Uint8Array => share.with(0, share[0]! ^ 1);

/** M2 with shares in its boxes that are not of one polynomial; `hashed`: with commitments that match them. */
function badShares(message: ShareKeys, node: ToyNode, hashed: boolean): ShareKeys {
  const { state } = node;
  if (!('secrets' in state) || !('cohort' in state)) throw new RangeError('shares are dealt after the cohort is known');
  const { sid, index, cohortHash } = message;
  const junk = () => new SecretBytes(systemRandom.bytes(32));
  const made = message.boxes.map(({ holder }) => {
    const keys = { own: state.secrets.cipherKey, other: state.cohort.members.get(holder)!.cipherKey };
    const x = message.commitments.findIndex((entry) => entry.holder === holder) + 1;
    const content = { x, self: junk(), mask: junk() };
    const box = closeBox({ sid, cohortHash, dealer: index, holder }, keys, content, systemRandom);
    const selfHash = shareHash(sid, index, holder, 'self', content.self.expose());
    const maskHash = shareHash(sid, index, holder, 'mask', content.mask.expose());
    return { box: { holder, ...box }, commitment: { holder, selfHash, maskHash } };
  });
  const commitments = message.commitments.map(
    (entry) =>
      (hashed ? made.find(({ commitment }) => commitment.holder === entry.holder)?.commitment : undefined) ?? entry,
  );
  const altered = { ...message, boxes: made.map(({ box }) => box), commitments };
  return { ...altered, signature: node.sign('m2', shareKeysBytes(altered)) };
}

/** One round in which a member cheats in one message: what the coordinator records, and whom it blames. */
function instead(
  name: string,
  expects: string,
  stage: NodeSetupMessageName,
  cheat: (honest: Honest, node: ToyNode) => Promise<string>,
  dropping?: NodeSetupMessageName,
): Attack {
  return {
    expects: { [name]: expects },
    async run() {
      const league = await ToyLeague.start();
      try {
        let told = 'let it pass';
        let markTold: () => void = () => undefined;
        const wasTold = new Promise<void>((resolve) => {
          markTold = resolve;
        });
        const update = toyUpdate;
        // With one that drops out, every share is needed.
        const honest = dropping === undefined ? 5 : 4;
        await league.enrol(honest, { update });
        const [cheating] = (await league.enrol(1, {
          update,
          before: async (effect, node) => {
            const honest = sentBy(effect);
            if (honest?.name !== stage) return;
            told = await cheat(honest, node);
            markTold();
            // The round then ends by what it lacks, and not by a deadline.
            if (stage === 'revealShares') node.kill();
            throw new Error('in place of the honest message');
          },
        })) as [ToyNode];
        if (dropping !== undefined)
          await league.enrol(1, {
            update,
            before: (effect, node) => {
              if (sentBy(effect)?.name !== dropping) return;
              node.kill();
              throw new Error('gone');
            },
          });
        const over = league.logged({ msg: 'round ended' });
        const taskId = await league.createTask({ rounds: 1 });
        await Promise.all(league.nodes.map((node) => node.connect()));
        // The round may be over before the coordinator's answer is with the cheat.
        await Promise.all([over, wasTold]);
        return { [name]: verdict(league, cheating.clientId, honest, (await league.rounds(taskId))[0]!, told) };
      } finally {
        await league.close();
      }
    },
  };
}

/** The outcome of the round, and who is blamed for it. `place` is the cheat's in the roster. */
function verdict(league: ToyLeague, cheat: string, place: number, record: RoundRecord, told: string): Outcome {
  const { outcome, droppedIn, reason, message = '' } = record;
  const names = league.logLines.filter((line) => line.includes('message refused'));
  if (told !== 'let it pass' && names.every((line) => line.includes(cheat)))
    return { did: `${told}, the cheat is named` };
  if (outcome === 'committed') return { did: cheat in droppedIn ? 'the cheat is left out' : 'the cheat is taken' };
  const named = /member (\d+)/.exec(message)?.[1];
  if (named === String(place)) return { did: `${reason}, the cheat is named` };
  return { did: `${reason}`, ...(named !== undefined && { gained: 'an honest member is blamed' }) };
}

/** A member that cheats, and a coordinator that must find out which. */
export const cheatingMember: Row = {
  number: 18,
  name: 'cheating-member',
  attack: 'a member that cheats: who is named',
  attacks: [
    cheating(
      {
        maskedInputHeader: {
          'a header for another round: a stale model': [
            'WrongRound',
            header(() => ({ roundHash: new Uint8Array(32) })),
          ],
          'edges that the other end does not have': [
            'AsymmetricEdges',
            header(({ edges }) => ({ edges: edges.with(0, 0x03) })),
          ],
          'a vector of another length': ['WrongLength', header(({ byteLength }) => ({ byteLength: byteLength + 4 }))],
          "a header under another member's index": ['InvalidMessage', header(({ index }) => ({ index: index + 1 }))],
        },
        revealShares: {
          'a bad share at M5': [
            'WrongShare',
            reveal(([first, ...rest]) => [{ ...first!, share: spoilt(first!.share) }, ...rest]),
          ],
          'a share of the other kind at M5': [
            'WrongShare',
            reveal(([first, ...rest]) => [{ ...first!, kind: 'mask' }, ...rest]),
          ],
          'a share left out at M5': ['WrongShare', reveal((shares) => shares.slice(1))],
          "another dealer's share at M5": [
            'WrongShare',
            reveal(([first, second, ...rest]) => [{ ...first!, share: second!.share }, second!, ...rest]),
          ],
        },
      },
      {
        maskedInputHeader: {
          'two headers': ['ConflictingMessage', header(() => ({ vectorHash: new Uint8Array(32) }))],
        },
      },
    ),
    instead('bad shares at M2', 'the cheat is left out', 'shareKeys', async ({ message }, node) =>
      send(node, 'shareKeys', encodeMessage('shareKeys', badShares(message as ShareKeys, node, false))),
    ),
    instead(
      'shares of no polynomial at M2, hashes that fit',
      'WrongDealer, the cheat is named',
      'shareKeys',
      async ({ message }, node) =>
        send(node, 'shareKeys', encodeMessage('shareKeys', badShares(message as ShareKeys, node, true))),
    ),
    instead(
      atM5,
      'WrongShare, the cheat is named',
      'revealShares',
      async ({ message }, node) => {
        const honest = message as RevealShares;
        const shares = honest.shares.map((entry) => ({ ...entry, share: spoilt(entry.share) }));
        return send(node, 'revealShares', encodeMessage('revealShares', signedReveal({ ...honest, shares }, node)));
      },
      'revealShares',
    ),
  ],
  breaks: [
    {
      variant: atM5,
      without: { 'share hashes at M5': 'an honest member is blamed' },
      gains: 'an honest member is blamed',
    },
  ],
};
