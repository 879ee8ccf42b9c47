import type { IdentityPort } from '@hansa/aggregation/secagg/server';
import type { MaskThreads } from '@hansa/aggregation/secagg/threads';
import type { Clock } from '@hansa/shared/clock';
import type { Logger } from '@hansa/shared/log';
import type { Rosters } from '../clients/rosters.ts';
import type { Metrics } from '../metrics/createMetrics.ts';
import type { BlobStore } from '../storage/blobStore.ts';
import type { StateStore } from '../storage/stateStore.ts';
import type { StrategyStates } from '../storage/strategyStates.ts';
import type { ByteLedger } from './byteLedger.ts';

/** The connections to nodes that there are now. */
export interface NodeConnections {
  /** Ids of the nodes whose handshake is done. */
  connected(): readonly string[];
  /**
   * Sends one control message and waits for its acknowledgement.
   *
   * @param body JSON as it goes on the wire
   * @throws HansaError ConnectionLost, Timeout (when none came)
   * @throws HansaError (what the node refused with)
   */
  send(clientId: string, name: string, body: unknown): Promise<void>;
}

/** A masked vector that a member has announced, and what is called while it arrives. */
export interface ExpectedVector {
  readonly clientId: string;
  readonly sizeBytes: number;
  /** SHA-256 that the node signed. */
  readonly vectorHash: Uint8Array;
  /**
   * A chunk of the vector is on disk; its bytes are good until this returns. Chunks come in the vector's order, none twice unless
   * {@link ExpectedVector.deleting} came between.
   */
  received(byteOffset: number, chunk: Uint8Array): void;
  /**
   * All bytes on disk are about to be deleted: the upload is discarded, or starts over because they hash to something else. They can be read until
   * this resolves, and none come meanwhile. Never rejects.
   */
  deleting(file: string): Promise<void>;
  /** All bytes are on disk and hash as they should; what it throws refuses the upload's last request. */
  finished(): Promise<void>;
  /** The upload cannot succeed any more. */
  failed(error: Error): void;
}

/** The upload of a vector that is expected. */
export interface Upload {
  /** Path for requests. */
  readonly path: string;
  /** Where its bytes lie on this machine. */
  readonly file: string;
  /** Refuses all further requests and deletes the bytes, once `deleting` is through. */
  discard(): Promise<void>;
}

/** Where masked vectors arrive. */
export interface VectorUploads {
  /** Lets a node upload a vector. @throws HansaError StorageFull */
  expect(vector: ExpectedVector): Promise<Upload>;
}

/** What a round needs of the coordinator. */
export interface RoundPorts {
  readonly federation: string;
  readonly identity: IdentityPort;
  readonly store: StateStore;
  readonly blobs: BlobStore;
  readonly states: StrategyStates;
  readonly rosters: Rosters;
  readonly uploads: VectorUploads;
  /** Expand masks, for one round after the other. */
  readonly threads: MaskThreads;
  readonly connections: NodeConnections;
  readonly bytes: ByteLedger;
  readonly metrics: Metrics;
  readonly clock: Clock;
  readonly log: Logger;
  /** How long a member whose connection broke may take to come back before the round goes on without it. */
  readonly reconnectGraceMs: number;
}
