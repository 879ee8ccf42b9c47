import type { ErrorEntry } from './codes/errorEntry.ts';
import type { ErrorDetails } from './details.ts';
import { type ErrorCode, errorTable } from './table.ts';

class CodedError<Code extends ErrorCode> extends Error {
  readonly code: Code;
  readonly details: ErrorDetails<Code>;

  constructor(code: Code, message: string, details?: ErrorDetails<Code>, options?: { cause?: unknown }) {
    super(message, options);
    this.name = 'HansaError';
    this.code = code;
    this.details = details ?? ({} as ErrorDetails<Code>);
  }

  get status(): number {
    return this.#entry.status;
  }

  /** Whether the same call can succeed later without a change. */
  get retry(): boolean {
    return this.#entry.retryWhen !== undefined;
  }

  get exitStatus(): 1 | 2 {
    return this.#entry.exitStatus;
  }

  get #entry(): ErrorEntry {
    return errorTable[this.code];
  }
}

/**
 * An error that a person or peer outside this process caused or must act on.
 *
 * The message says what is wrong, where, and what to do; `docs/errors.md` lists every code. A programmer's mistake is a RangeError or TypeError instead.
 * A union by code: `if (error.code === 'InvalidData')` narrows the type of `details`.
 */
export type HansaError<Code extends ErrorCode = ErrorCode> = Code extends ErrorCode ? CodedError<Code> : never;

// Of a generic class, `instanceof` would give HansaError<any>; with this prototype it gives the union.
export const HansaError: {
  new <Code extends ErrorCode>(
    code: Code,
    message: string,
    details?: ErrorDetails<Code>,
    options?: { cause?: unknown },
  ): HansaError<Code>;
  readonly prototype: HansaError;
} = CodedError as never;
