/**
 * A node's side of secure aggregation (SA-1) as a pure reducer.
 *
 * The driver decodes a coordinator's message with `decodeMessage`, calls `step`, keeps the state that comes back and carries out the effects in
 * order, each finished before the next begins: a `journal` effect is on disk (fsync) before the `send` after it leaves. A message that is refused
 * throws a HansaError and changes nothing: the driver keeps its state and tells the coordinator the code. An exact duplicate is answered with what
 * was sent before. Rosters are accepted outside a set-up by `acceptRoster`; a process that was restarted starts from `waiting` and refuses every
 * message but OPEN with UnknownSetup.
 */

export { type MaskPlan, type MaskTerm, wipeMaskPlan } from '../masks.ts';
export { createMemory, type JournalledMemory } from './memory.ts';
export { acceptRoster } from './roster.ts';
export { step } from './step.ts';
export type * from './types.ts';
export { waiting } from './waiting.ts';
