import type { SignatureLabel } from '@hansa/shared/crypto';
import { equalBytes, verifyLabelled } from '@hansa/shared/crypto';
import { refuse } from '../refuse.ts';
import type { ServerFacts } from './types.ts';

/** Refuses a message that is not in its sender's name or not signed by it. */
export function checkSigned(
  setup: Pick<ServerFacts, 'keys'>,
  from: number,
  message: { readonly index: number; readonly signature: Uint8Array },
  label: SignatureLabel,
  signed: Uint8Array,
): void {
  if (message.index !== from)
    refuse('InvalidMessage', `Member ${from} sent a message in the name of member ${message.index}.`, {
      culprit: from,
    });
  if (!verifyLabelled(setup.keys.get(from)!, label, signed, message.signature))
    refuse('BadSignature', `The message of member ${from} is not signed by it.`, { culprit: from });
}

/** Refuses a message that is bound to another round. */
export function checkRound(expected: Uint8Array, message: { readonly roundHash: Uint8Array }, from: number): void {
  if (!equalBytes(expected, message.roundHash))
    refuse('WrongRound', `The message of member ${from} is for another round.`, { culprit: from });
}
