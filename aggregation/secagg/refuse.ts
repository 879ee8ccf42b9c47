import { type ErrorCode, type ErrorDetails, HansaError } from '@hansa/shared/errors';

/** Refuses a message by name. */
export function refuse(code: ErrorCode, message: string, details: ErrorDetails = {}): never {
  throw new HansaError(code, message, details);
}
