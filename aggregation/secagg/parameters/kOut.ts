import { maxHolders } from '@hansa/shared/protocol/secagg';
import { hararyParameters } from './harary.ts';
import { logChoose } from './hypergeometric.ts';
import { type GraphParameters, securityBits, wholePart } from './requirements.ts';
import { thresholdOf } from './threshold.ts';

const found = new Map<string, GraphParameters>();

/**
 * Holders and threshold of the k-out graph, in which each member draws its own k holders: from the degree of the sparse graph upwards, the smallest k
 * that keeps 40 bits of security against a semi-malicious coordinator, 20 of correctness, and a connected graph whomever it declares dead.
 *
 * Both sides compute it for a cohort's size: deterministic (sums in a fixed order), remembered, about a millisecond for n = 1000. k ≤ 255, since
 * Shamir's scheme over GF(2^8) has no more places. RangeError as {@link hararyParameters}.
 */
export function kOutParameters(clients: number, corruptRate: number, dropoutRate: number): GraphParameters {
  const key = `${clients}/${corruptRate}/${dropoutRate}`;
  let answer = found.get(key);
  if (answer === undefined) {
    answer = search(clients, corruptRate, dropoutRate);
    found.set(key, answer);
  }
  return answer;
}

function search(clients: number, corruptRate: number, dropoutRate: number): GraphParameters {
  const sparse = hararyParameters({ clients, corruptRate, dropoutRate, server: 'semiMalicious' });
  if (!sparse.feasible) return sparse;
  const corrupt = wholePart(corruptRate, clients);
  const gone = wholePart(dropoutRate, clients);
  for (let degree = sparse.degree; degree <= Math.min(clients - 1, maxHolders); degree++) {
    const others = clients - 1;
    const threshold = thresholdOf(
      {
        clients,
        degree,
        corrupt: { population: others, marked: corrupt },
        surviving: { population: others, marked: Math.max(0, others - gone) },
      },
      'semiMalicious',
    );
    if (threshold === undefined) continue;
    const smallestPart = threshold.threshold - threshold.mostCorrupt + 1;
    const cohort = { clients, honest: clients - corrupt, gone, degree };
    if (probabilityOfCut(cohort, smallestPart) < 2 ** -(securityBits + 1))
      return { feasible: true, degree, threshold: threshold.threshold };
  }
  return {
    feasible: false,
    reason: `a cohort of ${clients} needs more than ${Math.min(clients - 1, maxHolders)} holders for each secret with these rates: use smaller groups, or smaller rates`,
  };
}

/**
 * A bound on the probability that a coordinator which knows every pick can cut the honest survivors in two by choosing whom to declare dead.
 *
 * Each node signs only a set of survivors that holds at least t of its own holders, at most t1 of them corrupt: so the smaller part A of a cut has
 * at least t − t1 + 1 members. Union bound over A and over the dead; no member of A drew one of the other part B, and none of B one of A.
 */
function probabilityOfCut(
  cohort: { readonly clients: number; readonly honest: number; readonly gone: number; readonly degree: number },
  smallestPart: number,
): number {
  const { clients, honest, gone, degree } = cohort;
  const others = clients - 1;
  /** ln Pr[one member draws none of `count` others]. */
  const logMisses = (count: number): number => logChoose(others - count, degree) - logChoose(others, degree);
  let sum = 0;
  for (let size = Math.max(1, smallestPart); 2 * size <= honest - gone; size++) {
    const rest = honest - gone - size;
    sum += Math.exp(
      // At most `gone` are dead; the count with exactly so many is the largest.
      Math.log(gone + 1) +
        logChoose(honest, size) +
        logChoose(honest - size, gone) +
        size * logMisses(rest) +
        rest * logMisses(size),
    );
  }
  return sum;
}
