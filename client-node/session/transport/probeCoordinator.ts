import { type Clock, timeoutSignal } from '@hansa/shared/clock';
import { HansaError } from '@hansa/shared/errors';
import { failureCause } from './failureCause.ts';
import { isWebPage } from './inBetween.ts';

const TIMEOUT_MS = 10_000;

export interface Reachability {
  /** How far this machine's clock is ahead of the coordinator's, to about a second; undefined where the answer bore no time. */
  readonly clockOffsetMs: number | undefined;
}

/** Asks the coordinator for a sign of life. @throws HansaError ConnectionLost (with why there is none) */
export async function probeCoordinator(address: string, clock: Clock, signal: AbortSignal): Promise<Reachability> {
  const beforeMs = clock.now();
  let response: Response;
  try {
    response = await fetch(new URL('/livez', address), {
      redirect: 'error',
      signal: AbortSignal.any([signal, timeoutSignal(TIMEOUT_MS)]),
    });
    await response.body?.cancel();
  } catch (error) {
    throw new HansaError('ConnectionLost', `${address} does not answer (${failureCause(error)}).`);
  }
  if (isWebPage(response))
    throw new HansaError(
      'ConnectionLost',
      `At ${address} a web page answers (status ${response.status}) in the coordinator's place: something between, such as a login page or a proxy's error page.`,
    );
  if (!response.ok) throw new HansaError('ConnectionLost', `${address} answers, but with status ${response.status}.`);
  const dateMs = Date.parse(response.headers.get('date') ?? '');
  const middleMs = (beforeMs + clock.now()) / 2;
  // The header is cut to whole seconds.
  return { clockOffsetMs: Number.isNaN(dateMs) ? undefined : Math.round(middleMs - (dateMs + 500)) };
}
