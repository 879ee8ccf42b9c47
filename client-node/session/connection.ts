import type { HansaError } from '@hansa/shared/errors';

/** What a node hears from its connection to the coordinator. */
export interface ConnectionHandlers {
  /** The handshake is done; after every reconnect too. */
  ready(): void;
  /** The connection is gone or could not be made; another try follows. */
  lost(reason: string): void;
  /** No further try: the coordinator refused for good, or is not the one this node enrolled with. */
  refused(error: HansaError): void;
  /** A control message; what it resolves to is the acknowledgement's answer, what it throws becomes the problem. */
  message(name: string, body: unknown): Promise<unknown>;
}

/** A transfer of a file's bytes. */
interface Transfer {
  readonly signal: AbortSignal;
  /** Told in bytes. */
  readonly onProgress?: (done: number, total: number) => void;
}

export interface Download extends Transfer {
  /** SHA-256 of the bytes, hexadecimal: also their name. */
  readonly hash: string;
  /** Where the whole, checked file ends up. What has come so far lies beside it with `.part` and is resumed. */
  readonly path: string;
  readonly maxBytes: number;
}

export interface FileUpload extends Transfer {
  /** The ticket's path: the upload exists already, with its length. */
  readonly path: string;
  readonly file: string;
  readonly sizeBytes: number;
}

/** A node's connection to its coordinator: control messages, and files beside them. */
export interface Connection {
  open(): void;
  /** How far this machine's clock is ahead of the coordinator's, to about a second; undefined until it is known. The coordinator says so: for words alone. */
  readonly clockOffsetMs: number | undefined;
  /** Closes for good; whoever waits is told ConnectionLost. */
  close(): void;
  /** Resolves while the connection stands, or with the next one. Rejects with the refusal, ConnectionLost once closed, or the signal's reason. */
  ready(signal: AbortSignal): Promise<void>;
  /**
   * Sends one control message and gives its acknowledgement's answer.
   *
   * @param body JSON as it goes on the wire
   * @throws HansaError ConnectionLost, Timeout (when no acknowledgement came)
   * @throws HansaError (what the coordinator refused with)
   */
  send(name: string, body: unknown): Promise<unknown>;
  /**
   * Fetches a model by its hash, resuming after every interruption until it is whole, and checks it.
   *
   * @throws HansaError WrongHash (when the bytes are others than asked for; they are removed), PayloadTooLarge, StorageFull
   * @throws HansaError (what the coordinator refused with)
   * @throws the signal's reason
   */
  download(order: Download): Promise<void>;
  /**
   * Sends a file's bytes to the upload that the coordinator made for them, from where it left off.
   *
   * @throws HansaError (with `retry` when another call can succeed; else what the coordinator refused with)
   * @throws the signal's reason
   */
  upload(order: FileUpload): Promise<void>;
}
