import { HansaError } from '@hansa/shared/errors';

/**
 * Reads order files; whatever fails because the signal has aborted is told as an interruption.
 *
 * @throws HansaError Interrupted (when the signal aborts)
 * @throws what `read` throws
 */
export async function interruptible<Result>(
  signal: AbortSignal | undefined,
  read: () => Promise<Result>,
): Promise<Result> {
  try {
    return await read();
  } catch (error) {
    if (signal?.aborted) throw new HansaError('Interrupted', 'Reading the order files was interrupted.');
    throw error;
  }
}
