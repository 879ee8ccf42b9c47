import { timeoutSignal } from '@hansa/shared/clock';
import { fromProblem, HansaError, problemSchema } from '@hansa/shared/errors';
import { failureCause } from './failureCause.ts';

const TIMEOUT_MS = 30_000;
const MAX_ANSWER_CHARS = 64 * 1024;

/**
 * Sends one small JSON document to the coordinator outside of any session and gives its answer.
 *
 * @throws HansaError ConnectionLost (when it cannot be reached), InvalidMessage (when no coordinator answers), Interrupted
 * @throws HansaError (what the coordinator refused with)
 */
export async function postJson(url: URL, body: unknown, signal: AbortSignal): Promise<unknown> {
  let response: Response;
  let text: string;
  try {
    response = await fetch(url, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(body),
      redirect: 'error',
      signal: AbortSignal.any([signal, timeoutSignal(TIMEOUT_MS)]),
    });
    text = await response.text();
  } catch (error) {
    if (signal.aborted) throw new HansaError('Interrupted', 'The request was stopped.');
    throw new HansaError(
      'ConnectionLost',
      `Cannot reach the coordinator at ${url.origin} (${failureCause(error)}). Check "coordinator" in the config and that it is running; nothing was stored.`,
      {},
      { cause: error },
    );
  }
  let value: unknown;
  try {
    value = JSON.parse(text.slice(0, MAX_ANSWER_CHARS));
  } catch {
    throw notHansa(url.origin);
  }
  if (response.ok) return value;
  const problem = problemSchema.safeParse(value);
  throw problem.success ? fromProblem(problem.data) : notHansa(url.origin);
}

/** What to say where something else answers. */
export const notHansa = (address: string): HansaError =>
  new HansaError(
    'InvalidMessage',
    `What answers at ${address} is not a Hansa coordinator of this release. Check "coordinator" in the config; nothing was stored.`,
  );
