import { type ErrorCode, type ErrorDetails, HansaError } from '@hansa/shared/errors';
import type { Evidence } from '@hansa/shared/protocol/secagg';

/** Refuses a message by name. */
export function refuse<Code extends ErrorCode>(code: Code, message: string, details?: ErrorDetails<Code>): never {
  throw new HansaError(code, message, details);
}

/** Refuses a message that proves its signer's fault: a step that changes nothing and keeps the evidence. @throws HansaError (when there is none) */
export function refused<State>(
  state: State,
  refusal: HansaError,
  evidence: readonly Evidence[],
): { state: State; effects: { readonly type: 'evidence'; readonly evidence: Evidence }[]; refusal: HansaError } {
  if (evidence.length === 0) throw refusal;
  return { state, effects: evidence.map((one) => ({ type: 'evidence', evidence: one })), refusal };
}
