import type { ErrorCode } from '@hansa/shared/errors';

/** Which texts to encode, with which model. */
export interface EmbedRequest {
  readonly modelFile: string;
  readonly tokenizerFile: string;
  readonly texts: readonly string[];
}

/** A text as the model reads it. */
export interface EmbeddedText {
  readonly tokens: readonly number[];
  /** Whether the text was longer than the model reads. */
  readonly truncated: boolean;
  /** [tokens, d]: hidden states of the last layer. */
  readonly hidden: Float32Array;
  /** [d], of length 1. */
  readonly embedding: Float32Array;
}

/** What the worker says after its engine's trial: texts in the order asked for, in pieces, then that it is done. */
export type FromWorker =
  | { readonly type: 'embedded'; readonly texts: readonly EmbeddedText[] }
  | { readonly type: 'done' }
  | { readonly type: 'failed'; readonly code: ErrorCode; readonly message: string };
