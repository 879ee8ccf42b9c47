import { type ErrorCode, HansaError, type Problem, toProblem } from '@hansa/shared/errors';

/** Codes whose message may hold a path, a column's name or another fact of this machine. */
const PRIVATE: ReadonlySet<ErrorCode> = new Set<ErrorCode>([
  'InvalidConfig',
  'InvalidData',
  'InvalidModelFile',
  'NotFound',
  'DataFolderUnusable',
  'DataFolderInUse',
  'LedgerCorrupt',
  'StorageFull',
  'EngineUnusable',
  'TrainingFailed',
  'ProcessFailed',
]);

/** What a coordinator is told of an error: its code, and its message only where that speaks of the protocol alone. */
export function problemForPeer(error: unknown): Problem {
  if (error instanceof HansaError && PRIVATE.has(error.code)) {
    return toProblem(new HansaError(error.code, 'The node could not do this; its own log has the reason.'));
  }
  return toProblem(error);
}
