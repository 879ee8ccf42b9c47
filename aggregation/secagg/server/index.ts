/**
 * The coordinator's side of secure aggregation (SA-1) as a pure reducer.
 *
 * `start` makes a set-up and asks the selected nodes; then `step` for every event. The driver carries out the effects in order. A node's message
 * that is refused throws a HansaError (its `details.culprit` is the roster index where somebody is to blame) and changes nothing. The state lives in
 * memory: a coordinator that restarts abandons the set-ups it had (CoordinatorRestarted), since nothing was revealed by them.
 */
export type { IdentityPort } from '../client/types.ts';
export { type Graph, graphOf } from '../graph.ts';
export { type MaskTerm, type UnmaskPlan, wipeUnmaskPlan } from '../masks.ts';
export { type Thresholds, thresholdsFor } from '../thresholds.ts';
export { start, step } from './step.ts';
export type * from './types.ts';
