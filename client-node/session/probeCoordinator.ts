import { type Clock, timeoutSignal } from '@hansa/shared/clock';
import { HansaError } from '@hansa/shared/errors';
import type { Logger } from '@hansa/shared/log';
import type { RandomSource } from '@hansa/shared/random';
import type { NodeIdentity } from '../ledger/identity.ts';
import { failureCause } from './transport/failureCause.ts';
import { type Bandwidth, measureConnection } from './transport/measureConnection.ts';
import { SocketConnection } from './transport/socketConnection.ts';

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
  if (!response.ok) throw new HansaError('ConnectionLost', `${address} answers, but with status ${response.status}.`);
  const dateMs = Date.parse(response.headers.get('date') ?? '');
  const middleMs = (beforeMs + clock.now()) / 2;
  // The header is cut to whole seconds.
  return { clockOffsetMs: Number.isNaN(dateMs) ? undefined : Math.round(middleMs - (dateMs + 500)) };
}

/**
 * Connects once as this node and leaves again: proves that its key is enrolled and that the coordinator is the pinned one, and measures the connection
 * meanwhile.
 *
 * @returns undefined where the coordinator does not offer to measure
 * @throws HansaError ConnectionLost
 * @throws HansaError (what the coordinator refused with)
 */
export async function probeEnrolment(
  address: string,
  identity: NodeIdentity,
  ports: { readonly clock: Clock; readonly random: RandomSource; readonly log: Logger },
  signal: AbortSignal,
): Promise<Bandwidth | undefined> {
  let lastReason = 'no answer in time';
  const connection = new SocketConnection({
    address,
    identity,
    ...ports,
    handlers: {
      ready: () => undefined,
      lost: (reason) => {
        lastReason = reason;
      },
      refused: () => undefined,
      message: () => Promise.reject(new HansaError('Unavailable', 'This connection only tries the enrolment.')),
    },
  });
  try {
    connection.open();
    const session = await connection.session(AbortSignal.any([signal, timeoutSignal(TIMEOUT_MS)]));
    return await measureConnection({ address, session, random: ports.random, signal });
  } catch (error) {
    if (error instanceof HansaError) throw error;
    throw new HansaError('ConnectionLost', `No connection to ${address} (${lastReason}).`, {}, { cause: error });
  } finally {
    connection.close();
  }
}
