/**
 * Cuts a task's members into groups at random, so that nobody can choose who masks with whom: every member commits to a part of a seed, and only when all
 * commitments are known does each reveal its part. One part that stays away makes the draw void.
 *
 * `stepDraw` is the node's side, `startDraw` and `stepDrawServer` the coordinator's: pure reducers like those of a set-up. Source: SA-1, "Groups".
 */
export {
  type DrawEffect,
  type DrawEvent,
  type DrawState,
  type DrawStep,
  idleDraw,
  maxTries,
  stepDraw,
} from './client.ts';
export { groupsOf } from './groups.ts';
export {
  type DrawServerEffect,
  type DrawServerEvent,
  type DrawServerState,
  type DrawServerStep,
  type DrawStage,
  startDraw,
  stepDrawServer,
} from './server.ts';
