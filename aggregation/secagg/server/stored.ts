import {
  advertiseKeysBytes,
  contradiction,
  type Evidence,
  type EvidenceKind,
  maskedInputHeaderBytes,
  messageHash,
  type SignedStatement,
  shareKeysBytes,
} from '@hansa/shared/protocol/secagg';
import type { LiveServerState, ServerEvent } from './types.ts';

type MessageEvent = Extract<ServerEvent, { readonly type: 'message' }>;

/** What this member sent before under the same name. */
export function storedHash(state: LiveServerState, { from, name }: MessageEvent): Uint8Array | undefined {
  switch (name) {
    case 'advertiseKeys':
      return hashOf(name, storedKeys(state, from));
    case 'shareKeys':
      return 'shareKeys' in state ? hashOf(name, state.shareKeys.get(from)) : undefined;
    case 'acknowledgeShares':
      return 'acks' in state ? hashOf(name, state.acks.get(from)) : undefined;
    case 'maskedInputHeader':
      return 'headers' in state ? hashOf(name, state.headers.get(from)) : undefined;
    case 'signSurvivors':
      return 'signatures' in state ? hashOf(name, state.signatures.get(from)) : undefined;
    case 'revealShares':
      return 'reveals' in state ? hashOf(name, state.reveals.get(from)) : undefined;
  }
}

function storedKeys(state: LiveServerState, from: number) {
  if (state.phase === 'advertiseKeys') return state.advertised.get(from);
  const member = state.cohort.members.get(from);
  return member === undefined ? undefined : { sid: state.setup.sid, ...member };
}

const hashOf = <Name extends MessageEvent['name']>(
  name: Name,
  message: Parameters<typeof messageHash<Name>>[1] | undefined,
): Uint8Array | undefined => (message === undefined ? undefined : messageHash(name, message));

/** What a member's second, different message of one kind proves against it; undefined where it signed nothing that contradicts the first. */
export function memberContradiction(state: LiveServerState, event: MessageEvent): Evidence | undefined {
  const { from } = event;
  const prove = (kind: EvidenceKind, first: SignedStatement | undefined, second: SignedStatement) =>
    first && contradiction({ kind, signer: state.setup.keys.get(from)!, member: from, first, second });
  switch (event.name) {
    case 'advertiseKeys': {
      const stored = storedKeys(state, from);
      return prove(event.name, stored && signed(advertiseKeysBytes, stored), signed(advertiseKeysBytes, event.message));
    }
    case 'shareKeys': {
      const stored = 'shareKeys' in state ? state.shareKeys.get(from) : undefined;
      return prove(event.name, stored && signed(shareKeysBytes, stored), signed(shareKeysBytes, event.message));
    }
    case 'maskedInputHeader': {
      const stored = 'headers' in state ? state.headers.get(from) : undefined;
      const bytesOf = maskedInputHeaderBytes;
      return prove(event.name, stored && signed(bytesOf, stored), signed(bytesOf, event.message));
    }
    default:
      return undefined;
  }
}

const signed = <Message extends { readonly signature: Uint8Array }>(
  bytesOf: (message: Message) => Uint8Array,
  message: Message,
): SignedStatement => ({ bytes: bytesOf(message), signature: message.signature });
