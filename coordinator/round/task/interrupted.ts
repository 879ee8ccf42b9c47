import type { OpenAttempt } from '../../storage/stateStore.ts';
import { interruptedRecord } from '../attempt/roundRecord.ts';
import type { RoundPorts } from '../ports.ts';

/** Stores the record of an attempt that was begun and will not go on; its round's number is spent where nodes may have signed. */
export async function storeInterrupted(
  { store, log, clock }: Pick<RoundPorts, 'store' | 'log' | 'clock'>,
  open: OpenAttempt,
  code: 'CoordinatorRestarted' | 'TaskAborted',
  message: string,
): Promise<void> {
  const record = interruptedRecord(open, { code, message }, clock.now());
  await store.endAttempt(record, open.signing ? { nextRound: open.round + 1 } : {});
  log.warn({ task: open.taskId, round: open.round, attempt: open.attempt, code }, 'round abandoned');
}
