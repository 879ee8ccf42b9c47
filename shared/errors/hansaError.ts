import { type ErrorCode, errorTable } from './table.ts';

/** Facts beside an error's message. Never a key, a weight, an update or a row of data. */
export type ErrorDetails = Readonly<Record<string, unknown>>;

/**
 * An error that someone outside this process caused or must act on.
 *
 * The message says what is wrong, where, and what to do. A programmer's mistake is a RangeError or TypeError instead.
 */
export class HansaError extends Error {
  readonly code: ErrorCode;
  readonly details: ErrorDetails;

  constructor(code: ErrorCode, message: string, details: ErrorDetails = {}, options?: { cause?: unknown }) {
    super(message, options);
    this.name = 'HansaError';
    this.code = code;
    this.details = details;
  }

  get status(): number {
    return errorTable[this.code].status;
  }

  /** Whether the same call can succeed later without anything being changed. */
  get retry(): boolean {
    return errorTable[this.code].retry;
  }

  get exitStatus(): 1 | 2 {
    return errorTable[this.code].exitStatus;
  }
}
