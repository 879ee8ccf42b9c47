import { maxHolders } from '@hansa/shared/protocol/secagg';
import { hararyParameters } from './harary.ts';
import { logChoose } from './hypergeometric.ts';
import { type GraphParameters, securityBits, wholePart } from './requirements.ts';
import { thresholdOf } from './threshold.ts';

const found = new Map<string, GraphParameters>();

/**
 * Holders and threshold of the k-out graph, in which each member draws its own k holders: from the degree of the sparse graph upwards, the smallest k
 * that keeps 40 bits of security against a semi-malicious coordinator, whomever it declares dead and whichever boxes it withholds, and 20 of correctness.
 *
 * Both sides compute it for a cohort's size: deterministic (sums in a fixed order), remembered, about a millisecond for n = 1000. k ≤ 255, since
 * Shamir's scheme over GF(2^8) has no more places.
 *
 * @throws as {@link hararyParameters}
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
  const corrupt = clients - wholePart(1 - corruptRate, clients);
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
    if (probabilityOfPart(cohort, smallestPart) < 2 ** -(securityBits + 1))
      return { feasible: true, degree, threshold: threshold.threshold };
  }
  return {
    feasible: false,
    reason: `a cohort of ${clients} needs more than ${Math.min(clients - 1, maxHolders)} holders for each secret with these rates: use smaller groups, or smaller rates`,
  };
}

/**
 * A bound on the probability that a coordinator which knows every pick, chooses whom to declare dead and withholds boxes as it likes can open the sum
 * of a part A of the honest survivors, at most half of them, apart from the others.
 *
 * Only a member's own picks count: whoever picked it may have had its box withheld, and then masks alone. A node signs only a U3 that holds at least t
 * of its own holders, at most t1 of them corrupt: so A has at least t − t1 + 1 members. It opens apart only where none of its members drew one of the
 * other survivors. Union bound over A and over the dead.
 */
function probabilityOfPart(
  cohort: { readonly clients: number; readonly honest: number; readonly gone: number; readonly degree: number },
  smallestPart: number,
): number {
  const { clients, honest, gone, degree } = cohort;
  const others = clients - 1;
  let sum = 0;
  for (let size = Math.max(1, smallestPart); 2 * size <= honest - gone; size++) {
    const rest = honest - gone - size;
    const logMissesRest = logChoose(others - rest, degree) - logChoose(others, degree);
    // At most `gone` are dead; the count with exactly so many is the largest.
    const logWays = Math.log(gone + 1) + logChoose(honest, size) + logChoose(honest - size, gone);
    sum += Math.exp(logWays + size * logMissesRest);
  }
  return sum;
}
