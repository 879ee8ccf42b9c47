import { HansaError } from '@hansa/shared/errors';
import type { Metrics } from '../metrics/createMetrics.ts';
import type { metricNames } from '../metrics/metricNames.ts';
import type { FailureLimit } from './failureLimit.ts';

type AuthLabels = (typeof metricNames.hansa_auth_failures_total)['labels'];
type AuthMethod = AuthLabels['method'][number];

export interface AuthFailurePorts {
  readonly failures: FailureLimit;
  readonly metrics: Metrics;
}

const reasons: Partial<Record<HansaError['code'], AuthLabels['reason'][number]>> = {
  UnknownClient: 'unknown',
  BadSignature: 'badSignature',
  ReplayedRequest: 'replayed',
  TokenUnknown: 'token',
  TokenUsed: 'token',
  TokenExpired: 'token',
  BadApproval: 'badSignature',
  Unauthorized: 'unknown',
  UnsupportedProtocolVersion: 'version',
  InvalidMessage: 'malformed',
  TooManyRequests: 'rate',
};

/** Counts a failed proof of identity, for the metrics and against its peer; other errors are none. */
export function countAuthFailure(ports: AuthFailurePorts, method: AuthMethod, peer: string, error: unknown): void {
  const reason = error instanceof HansaError ? reasons[error.code] : undefined;
  if (reason === undefined) return;
  ports.metrics.authFailures.inc({ method, reason });
  if (reason !== 'rate') ports.failures.failed(peer);
}

/**
 * Does `work`, which checks an identity; its failures are counted and, past a few, reported as TooManyRequests alone.
 *
 * A peer that proves its identity is let in all the same: a guesser at the same address, behind one proxy say, must lock nobody out.
 */
export async function guarded<T>(
  ports: AuthFailurePorts,
  method: AuthMethod,
  peer: string,
  work: () => T | Promise<T>,
): Promise<T> {
  try {
    return await work();
  } catch (error) {
    const told = slowedDown(ports, peer, error);
    countAuthFailure(ports, method, peer, told);
    throw told;
  }
}

/** The error itself, or TooManyRequests where it is one failure of too many. */
function slowedDown({ failures }: AuthFailurePorts, peer: string, error: unknown): unknown {
  if (!(error instanceof HansaError) || reasons[error.code] === undefined) return error;
  try {
    failures.check(peer);
    return error;
  } catch (tooMany) {
    return tooMany;
  }
}
