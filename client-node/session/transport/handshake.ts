import { verifyLabelled } from '@hansa/shared/crypto';
import { HansaError } from '@hansa/shared/errors';
import type { Challenge, Hello } from '@hansa/shared/protocol';
import { httpSignatureHeaders, PROTOCOL_VERSION } from '@hansa/shared/protocol';
import { enc } from '@hansa/shared/protocol/secagg';
import type { RandomSource } from '@hansa/shared/random';
import type { NodeIdentity } from '../../ledger/identity.ts';

/** One proved connection: what HTTP requests are signed with while it lasts. */
export interface Session {
  /** The signature headers for one request; each call is good for one. `path` is what stands in the first line of the request. */
  sign(method: string, path: string): Record<string, string>;
}

/** This node's side of the handshake, once for every connection: `hello`, then `answer` to the coordinator's challenge. */
export class Handshake {
  readonly hello: Hello;
  readonly #identity: NodeIdentity;

  constructor(identity: NodeIdentity, random: RandomSource) {
    this.#identity = identity;
    this.hello = {
      protocolVersion: PROTOCOL_VERSION,
      clientId: identity.clientId,
      clientNonce: random.bytes(32),
    };
  }

  /**
   * Checks that whoever sent the challenge holds the pinned key, and signs it.
   *
   * @throws HansaError WrongCoordinatorKey
   */
  answer(challenge: Challenge): { signature: Uint8Array; session: Session } {
    const { federation, clientId, coordinatorPublicKey, key } = this.#identity;
    const { clientNonce } = this.hello;
    const { sessionId } = challenge;
    const proved = verifyLabelled(
      coordinatorPublicKey,
      'challenge',
      enc(federation, clientId, clientNonce, sessionId),
      challenge.signature,
    );
    if (challenge.federation !== federation || !proved) {
      throw new HansaError(
        'WrongCoordinatorKey',
        'Whoever answers at this address is not the coordinator this node enrolled with: its key differs from the pinned one. Nothing was sent. Check "coordinator" in the config with the consortium\'s admin.',
      );
    }
    const signature = key.sign('hello', enc(federation, coordinatorPublicKey, clientId, clientNonce, sessionId));
    return { signature, session: signingSession(this.#identity, sessionId) };
  }
}

function signingSession({ federation, key }: NodeIdentity, sessionId: Uint8Array): Session {
  let counter = 0;
  return {
    sign(method, path) {
      counter += 1;
      const signature = key.sign('http', enc(federation, sessionId, String(counter), method, path));
      return {
        [httpSignatureHeaders.sessionId]: Buffer.from(sessionId).toString('base64url'),
        [httpSignatureHeaders.counter]: String(counter),
        [httpSignatureHeaders.signature]: Buffer.from(signature).toString('base64url'),
      };
    },
  };
}
