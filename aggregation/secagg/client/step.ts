import type { ClientEvent, ClientPorts, ClientState, ClientStep } from './types.ts';

/** A set-up that has not begun. */
export const waiting: ClientState = { phase: 'waiting' };

/** The next state and what to do; HansaError, and nothing changes, where the event is refused. */
export function step(_state: ClientState, _event: ClientEvent, _ports: ClientPorts): ClientStep {
  throw new TypeError('not written yet');
}
