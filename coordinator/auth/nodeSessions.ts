import { verifyLabelled } from '@hansa/shared/crypto';
import { HansaError } from '@hansa/shared/errors';
import { enc } from '@hansa/shared/protocol/secagg';

/** Requests of one session may overtake each other by this much. */
const COUNTER_WINDOW = 1024;
/** A node that reconnects may still have requests of its last connection on the way. */
const SESSIONS_PER_CLIENT = 2;

interface Session {
  readonly id: string;
  readonly clientId: string;
  readonly publicKey: Uint8Array;
  highest: number;
  readonly used: Set<number>;
}

/** One node's HTTP request, as its headers tell it. */
export interface SignedRequest {
  readonly sessionId: string | undefined;
  readonly counter: string | undefined;
  readonly signature: string | undefined;
  readonly method: string;
  /** As it stands in the request line. */
  readonly path: string;
}

/** The sessions that handshakes opened, and the signed HTTP requests made in them. */
export class NodeSessions {
  readonly #federation: string;
  readonly #sessions = new Map<string, Session>();
  readonly #byClient = new Map<string, Session[]>();

  constructor(federation: string) {
    this.#federation = federation;
  }

  /** Opens a session; of the node's earlier ones only the last stays. */
  open(clientId: string, publicKey: Uint8Array, sessionId: Uint8Array): void {
    const session: Session = { id: base64url(sessionId), clientId, publicKey, highest: 0, used: new Set() };
    this.#sessions.set(session.id, session);
    const own = [...(this.#byClient.get(clientId) ?? []), session];
    while (own.length > SESSIONS_PER_CLIENT) this.#sessions.delete(own.shift()?.id ?? '');
    this.#byClient.set(clientId, own);
  }

  /**
   * The id of the node that made the request.
   *
   * @throws HansaError Unauthorized (no such session), BadSignature, ReplayedRequest
   */
  verify(request: SignedRequest): string {
    const session = this.#sessions.get(request.sessionId ?? '');
    if (session === undefined) {
      throw new HansaError(
        'Unauthorized',
        'This request belongs to no open session. Connect first, then sign with it.',
      );
    }
    const { counter, signature } = request;
    if (counter === undefined || !/^[1-9]\d{0,14}$/.test(counter) || signature === undefined) {
      throw new HansaError('BadSignature', 'The request lacks its counter or its signature.');
    }
    const signed = enc(this.#federation, Buffer.from(session.id, 'base64url'), counter, request.method, request.path);
    if (!verifyLabelled(session.publicKey, 'http', signed, Buffer.from(signature, 'base64url'))) {
      throw new HansaError('BadSignature', 'The signature of this request is not that of the node that connected.');
    }
    takeCounter(session, Number(counter));
    return session.clientId;
  }
}

function takeCounter(session: Session, counter: number): void {
  if (counter <= session.highest - COUNTER_WINDOW || session.used.has(counter)) {
    throw new HansaError('ReplayedRequest', 'A request with this counter was made before. Sign each request again.');
  }
  session.used.add(counter);
  session.highest = Math.max(session.highest, counter);
  if (session.used.size > 2 * COUNTER_WINDOW) {
    for (const used of session.used) if (used <= session.highest - COUNTER_WINDOW) session.used.delete(used);
  }
}

const base64url = (bytes: Uint8Array): string => Buffer.from(bytes).toString('base64url');
