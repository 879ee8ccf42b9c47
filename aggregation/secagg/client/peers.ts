import { equalBytes } from '@hansa/shared/crypto';

/** A member as a node remembers it. */
export interface Peer {
  readonly index: number;
  readonly id: string;
  readonly publicKey: Uint8Array;
}

/** Whether two entries are one member: index, id and key. */
export const samePeer = (left: Peer, right: Peer): boolean =>
  left.index === right.index && left.id === right.id && equalBytes(left.publicKey, right.publicKey);
