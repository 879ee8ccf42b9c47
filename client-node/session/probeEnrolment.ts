import { type Clock, timeoutSignal } from '@hansa/shared/clock';
import { HansaError } from '@hansa/shared/errors';
import type { Logger } from '@hansa/shared/log';
import type { RandomSource } from '@hansa/shared/random';
import type { NodeIdentity } from '../ledger/identity.ts';
import { failureCause } from './transport/failureCause.ts';
import { type Bandwidth, measureConnection } from './transport/measureConnection.ts';
import { SocketConnection } from './transport/socketConnection.ts';

const TIMEOUT_MS = 10_000;

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
  let lastReason: string | undefined = 'no answer in time';
  const connection = new SocketConnection({
    address,
    identity,
    ...ports,
    handlers: {
      ready: () => undefined,
      lost: (reason) => {
        if (lastReason !== undefined) lastReason = reason;
      },
      refused: () => undefined,
      message: () => Promise.reject(new HansaError('Unavailable', 'This connection only tries the enrolment.')),
    },
  });
  try {
    connection.open();
    const session = await connection.session(AbortSignal.any([signal, timeoutSignal(TIMEOUT_MS)]));
    lastReason = undefined;
    return await measureConnection({ address, session, random: ports.random, signal });
  } catch (error) {
    if (error instanceof HansaError) throw error;
    const words =
      lastReason === undefined
        ? `The connection to ${address} broke off while its bandwidth was measured (${failureCause(error)}). Something between may limit the size of bodies.`
        : `No connection to ${address} (${lastReason}).`;
    throw new HansaError('ConnectionLost', words, {}, { cause: error });
  } finally {
    connection.close();
  }
}
