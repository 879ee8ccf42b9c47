import type { ServerEvent, ServerPorts, ServerSetup, ServerState, ServerStep } from './types.ts';

/** Begins a set-up: OPEN to every selected node. RangeError where roster, selection and configuration do not fit each other. */
export function start(_setup: ServerSetup, _ports: ServerPorts): ServerStep {
  throw new TypeError('not written yet');
}

/** The next state and what to do; HansaError, and nothing changes, where the event is refused. */
export function step(_state: ServerState, _event: ServerEvent, _ports: ServerPorts): ServerStep {
  throw new TypeError('not written yet');
}
