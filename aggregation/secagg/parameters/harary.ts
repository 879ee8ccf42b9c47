import { logChoose } from './hypergeometric.ts';
import {
  type GraphParameters,
  type GraphRequirements,
  hopelessBecause,
  securityBits,
  wholePart,
} from './requirements.ts';
import { thresholdOf } from './threshold.ts';

/** The largest cohort that is looked at. */
export const maxClients = 1_000_000;

/**
 * Degree and threshold of the sparse graph of SecAgg+: the smallest even degree, and the smallest threshold with it, of a Harary graph (members on a
 * ring in random order, each joined to the k/2 nearest on either side) that keeps 40 bits of security and 20 of correctness.
 *
 * The degree does not count the member itself. Source: Bell, Bonawitz, Gascón, Lepoint, Raykova, "Secure Single-Server Aggregation with
 * (Poly)Logarithmic Overhead", CCS 2020, sections 3 and 4.
 *
 * @throws RangeError (unless 1 ≤ n ≤ 10^6 and both rates are from 0 to 1)
 */
export function hararyParameters(requirements: GraphRequirements): GraphParameters {
  const { clients, corruptRate, dropoutRate, server } = requirements;
  if (!Number.isInteger(clients) || clients < 1 || clients > maxClients)
    throw new RangeError(`clients must be a whole number from 1 to ${maxClients}`);
  for (const rate of [corruptRate, dropoutRate])
    if (!(rate >= 0 && rate <= 1)) throw new RangeError('a rate must be from 0 to 1');
  const reason = hopelessBecause(requirements);
  if (reason !== undefined) return { feasible: false, reason };
  const corrupt = wholePart(corruptRate, clients);
  const gone = wholePart(dropoutRate, clients);
  for (let degree = 2; degree < clients - 1; degree += 2) {
    if (logDisconnected(clients, degree, corrupt + gone) >= -(securityBits + 1) * Math.LN2) continue;
    const found = thresholdOf(
      {
        clients,
        degree,
        corrupt: { population: clients, marked: corrupt },
        surviving: { population: clients, marked: clients - gone },
      },
      server,
    );
    if (found !== undefined) return { feasible: true, degree, threshold: found.threshold };
  }
  return {
    feasible: false,
    reason: `a cohort of ${clients} is too small for these rates: no degree below ${Math.max(1, clients - 1)} keeps ${securityBits} bits of security; use the complete graph`,
  };
}

/**
 * ln of a bound on the probability that the corrupt and the dropped out cut the ring in two.
 *
 * They must hold k/2 successive places in two spots; the union bound over the n·(n−k−1)/2 pairs of spots times the chance that k given places are
 * all theirs.
 */
function logDisconnected(clients: number, degree: number, bad: number): number {
  if (degree > bad) return Number.NEGATIVE_INFINITY;
  const logPairs = Math.log(clients) + Math.log(clients - degree - 1) - Math.LN2;
  return logPairs + logChoose(bad, degree) - logChoose(clients, degree);
}
