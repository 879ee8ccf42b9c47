import { hararyParameters, kOutParameters } from '@hansa/aggregation/secagg/parameters';
import { describe, expect, it } from 'vitest';
import { atMost, choose, type Fraction, oddsBetween } from './exactOdds.ts';
import { readVectors, vectorsPresent } from './vectorFile.ts';

// Figures of google-parfait/federated-compute, graph_parameter_finder_test.cc, Apache-2.0.
interface Case {
  readonly clients: number;
  readonly corruptRate: number;
  readonly dropoutRate: number;
  readonly server: 'none' | 'semiHonest' | 'semiMalicious';
  readonly infeasible?: true;
  readonly degree?: number;
  readonly maxThreshold?: number;
}

/** Members of a rate, from its decimals: no product of floating-point numbers is trusted here. */
const members = (rate: number, clients: number): number =>
  Number((BigInt(Math.round(rate * 1e6)) * BigInt(clients)) / 1_000_000n);

/** The largest number of corrupt neighbours that a threshold is safe against. */
const tolerated = (server: Case['server'], degree: number, threshold: number): number =>
  server === 'semiMalicious' ? 2 * threshold - degree - 1 : threshold - 1;

/** The three bounds of a Harary graph. */
function hararyHolds(
  { clients, corruptRate, dropoutRate, server }: Case,
  degree: number,
  threshold: number,
): { security: boolean; correctness: boolean; connectivity: boolean } {
  const corrupt = members(corruptRate, clients);
  const gone = members(dropoutRate, clients);
  const pairs = (BigInt(clients) * BigInt(clients - degree - 1)) / 2n;
  const cut: Fraction = { over: pairs * choose(corrupt + gone, degree), under: choose(clients, degree) };
  const tooMany = oddsBetween(clients, corrupt, degree, tolerated(server, degree, threshold) + 1, degree);
  const tooFew = oddsBetween(clients, clients - gone, degree, 0, threshold - 1);
  return {
    security: atMost(tooMany, 41, clients),
    // A threshold of 1 share is never used; two neighbours that may both be needed are looked at as they are.
    correctness:
      atMost(tooFew, 20, clients) ||
      (threshold === 2 && atMost(oddsBetween(clients, clients - gone, degree, 0, 0), 20, clients)),
    connectivity: atMost(cut, 41),
  };
}

/** ln of a binomial coefficient by Stirling's series: another way than the finder's table. */
function logChoose(count: number, chosen: number): number {
  const logGamma = (value: number): number => {
    let shift = 0;
    let z = value;
    for (; z < 30; z++) shift += Math.log(z);
    const inverse = 1 / z;
    const series = inverse * (1 / 12 - inverse ** 2 * (1 / 360 - inverse ** 2 * (1 / 1260)));
    return (z - 0.5) * Math.log(z) - z + 0.5 * Math.log(2 * Math.PI) + series - shift;
  };
  if (chosen < 0 || chosen > count) return Number.NEGATIVE_INFINITY;
  return logGamma(count + 1) - logGamma(chosen + 1) - logGamma(count - chosen + 1);
}

/** The bound on a part of the survivors that opens apart by chosen deaths and withheld boxes, in bits; its margin is far above the rounding. */
function partBits(clients: number, honest: number, gone: number, degree: number, smallestPart: number): number {
  const others = clients - 1;
  let bits = Number.NEGATIVE_INFINITY;
  for (let size = Math.max(1, smallestPart); 2 * size <= honest - gone; size++) {
    const rest = honest - gone - size;
    const misses = (logChoose(others - rest, degree) - logChoose(others, degree)) / Math.LN2;
    const ways = (Math.log(gone + 1) + logChoose(honest, size) + logChoose(honest - size, gone)) / Math.LN2;
    const term = ways + size * misses;
    if (term === Number.NEGATIVE_INFINITY) continue;
    bits = bits === Number.NEGATIVE_INFINITY ? term : Math.max(bits, term) + Math.log2(1 + 2 ** -Math.abs(bits - term));
  }
  return bits;
}

const feasible = (cases: readonly Case[]): (Case & { degree: number; maxThreshold: number })[] =>
  cases.filter((one): one is Case & { degree: number; maxThreshold: number } => one.infeasible === undefined);

describe.skipIf(!vectorsPresent())('graph parameters', () => {
  const file = () =>
    readVectors<{ securityBits: number; correctnessBits: number; cases: Case[] }>('secagg_graph_parameters.json');

  it('are those of the public vectors', () => {
    const { cases, securityBits, correctnessBits } = file();
    expect([securityBits, correctnessBits]).toEqual([40, 20]);
    let count = 0;
    for (const one of cases) {
      count += 1;
      const found = hararyParameters(one);
      if (one.infeasible) expect(found, JSON.stringify(one)).toMatchObject({ feasible: false });
      else {
        expect(found, JSON.stringify(one)).toMatchObject({ feasible: true, degree: one.degree });
        expect(found.feasible && found.threshold, JSON.stringify(one)).toBeLessThanOrEqual(one.maxThreshold ?? 0);
      }
    }
    expect(count).toBe(cases.length);
    console.info(`graph parameters: ${count} public cases`);
  });

  it('keep every bound, computed again in whole numbers, and no smaller degree does', () => {
    let kept = 0;
    let smaller = 0;
    for (const one of feasible(file().cases)) {
      const found = hararyParameters(one);
      if (!found.feasible) throw new Error('the vectors say it is feasible');
      const all = { security: true, correctness: true, connectivity: true };
      expect(hararyHolds(one, found.degree, found.threshold), JSON.stringify(one)).toEqual(all);
      kept += 1;
      if (one.clients > 1000 || found.degree === 2) continue;
      const less = found.degree - 2;
      for (let threshold = 1; threshold <= less; threshold++)
        expect(Object.values(hararyHolds(one, less, threshold)), JSON.stringify([one, less, threshold])).toContain(
          false,
        );
      smaller += 1;
    }
    console.info(`graph parameters: ${kept} sets of bounds, ${smaller} smaller degrees refused`);
  });

  it('of the k-out graph in use keep every bound, computed again in whole numbers', () => {
    let count = 0;
    let infeasible = 0;
    for (const [corruptRate, dropoutRate] of [
      [0, 0.1],
      [0, 0.34],
      [0.05, 0.05],
      [0.1, 0.05],
      [0.1, 0.1],
      [0.2, 0.1],
      [0.05, 0.2],
      [0.3, 0.3],
    ] as const)
      for (const clients of [5, 8, 10, 16, 20, 40, 64, 100, 128, 129, 150, 200, 300, 500, 777, 1000]) {
        const found = kOutParameters(clients, corruptRate, dropoutRate);
        if (!found.feasible) {
          infeasible += 1;
          continue;
        }
        const { degree, threshold } = found;
        const told = JSON.stringify({ clients, corruptRate, dropoutRate, degree, threshold });
        const corrupt = clients - members(1 - corruptRate, clients);
        const gone = members(dropoutRate, clients);
        const others = clients - 1;
        const safe = 2 * threshold - degree - 1;
        expect(degree, told).toBeLessThanOrEqual(Math.min(others, 255));
        expect(atMost(oddsBetween(others, corrupt, degree, safe + 1, degree), 41, clients), told).toBe(true);
        expect(atMost(oddsBetween(others, others - gone, degree, 0, threshold - 1), 20, clients), told).toBe(true);
        // Safe against `safe` corrupt holders means that t1 may be as large; the part then is at least this large.
        expect(partBits(clients, clients - corrupt, gone, degree, threshold - safe + 1), told).toBeLessThanOrEqual(-41);
        count += 1;
      }
    expect(count).toBeGreaterThan(80);
    console.info(`k-out graph: ${count} sets of bounds, ${infeasible} cohorts without parameters`);
  });

  it('are refused for what is no cohort', () => {
    for (const clients of [0, 1.5, -3, Number.NaN, 1_000_001])
      expect(() => hararyParameters({ clients, corruptRate: 0, dropoutRate: 0, server: 'semiHonest' })).toThrow(
        RangeError,
      );
    for (const rate of [-0.1, 1.1, Number.NaN])
      expect(() => hararyParameters({ clients: 10, corruptRate: rate, dropoutRate: 0, server: 'semiHonest' })).toThrow(
        RangeError,
      );
  });
});
