import { equalBytes, sha256, verifyLabelled } from '@hansa/shared/crypto';
import { type Quorum, type RevealShares, revealSharesBytes, survivorsBytes } from '@hansa/shared/protocol/secagg';
import { refuse } from '../refuse.ts';
import { secretsOf } from './close.ts';
import type { ClientPorts, ClientStateIn, ClientStep } from './types.ts';

/** M5: once a quorum has signed the very U3 that this node signed, gives one share of each dealer; everything secret is wiped before it leaves. */
export function revealShares(state: ClientStateIn<'signed'>, message: Quorum, ports: ClientPorts): ClientStep {
  const { setup, round, survivors, survivorsBits, accepted } = state;
  checkQuorum(state, message);
  const unsigned = { sid: setup.sid, roundHash: round.roundHash, index: setup.index, shares: sharesOf(state) };
  const signed = revealSharesBytes(unsigned);
  const answer: RevealShares = { ...unsigned, signature: ports.identity.sign('m5', signed) };
  return {
    state: { phase: 'answered', setup, accepted: publicPart(accepted), round, survivors, survivorsBits },
    effects: [
      { type: 'journal', record: { type: 'answered', sid: setup.sid, answerHash: sha256(signed) } },
      { type: 'wipe', secrets: secretsOf(state) },
      { type: 'send', name: 'revealShares', message: answer },
    ],
  };
}

function checkQuorum(state: ClientStateIn<'signed'>, message: Quorum): void {
  const { setup, round, survivors, survivorsBits, cohort } = state;
  if (!equalBytes(message.roundHash, round.roundHash)) refuse('WrongRound', 'The quorum is for another round.');
  const keys = new Map(setup.roster.members.map((member) => [member.index, member.publicKey]));
  const signed = survivorsBytes(round.roundHash, survivorsBits);
  const signers = new Set<number>();
  for (const { index, signature } of message.signatures) {
    if (signers.has(index)) refuse('NoQuorum', `The quorum counts member ${index} twice.`);
    if (!survivors.includes(index)) refuse('NoQuorum', `The quorum counts member ${index}, which is not in U3.`);
    if (!verifyLabelled(keys.get(index)!, 'm4', signed, signature))
      refuse('NoQuorum', `The signature of member ${index} is not on the U3 that this node signed.`);
    signers.add(index);
  }
  const { quorum } = cohort.thresholds;
  if (signers.size < quorum) refuse('NoQuorum', `${signers.size} members have signed this U3; ${quorum} are needed.`);
}

/** For each dealer of A_i: the share of b for one in U3, of s for one in U2 without U3, nothing for any other. Never both. */
function sharesOf(state: ClientStateIn<'signed'>): RevealShares['shares'] {
  const survivors = new Set(state.survivors);
  const shares: RevealShares['shares'] = [];
  for (const dealer of state.round.sharers) {
    const held = state.held.get(dealer);
    const kind = survivors.has(dealer) ? 'self' : 'mask';
    const share = held?.[kind];
    // Copied, since the original is wiped before the message leaves.
    if (share !== undefined) shares.push({ dealer, kind, share: Uint8Array.from(share.expose()) });
  }
  return shares;
}

/** The hashes of what was accepted, without the answers: after M5 only M5's own answer is given again. */
const publicPart = (accepted: ClientStateIn<'signed'>['accepted']): ClientStateIn<'signed'>['accepted'] =>
  Object.fromEntries(Object.entries(accepted).map(([name, entry]) => [name, { ...entry, replies: [] }]));
