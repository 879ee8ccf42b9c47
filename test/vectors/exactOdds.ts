/** A probability as a fraction of whole numbers. */
export interface Fraction {
  readonly over: bigint;
  readonly under: bigint;
}

/** Binomial coefficient, exact; 0 outside its triangle. */
export function choose(count: number, chosen: number): bigint {
  if (chosen < 0 || chosen > count) return 0n;
  let result = 1n;
  for (let step = 1; step <= Math.min(chosen, count - chosen); step++)
    result = (result * BigInt(count - step + 1)) / BigInt(step);
  return result;
}

/** Bits after the point in which odds are told: far more than any bound asks for. */
const precision = 600n;

/** ⌈over · 2^600 / under⌉. */
const roundedUp = (over: bigint, under: bigint): bigint => (over + under - 1n) / under;

/**
 * Pr[from ≤ X ≤ to], where X of `drawn` taken without replacement from `population` are among the `marked`: at most 2^-580 too large, never too small.
 *
 * The largest term is a quotient of exact binomial coefficients; the others follow from it by whole numbers, each rounded up.
 */
export function oddsBetween(population: number, marked: number, drawn: number, from: number, to: number): Fraction {
  const under = 2n ** precision;
  const unmarked = population - marked;
  const low = Math.max(from, 0, drawn - unmarked);
  const high = Math.min(to, marked, drawn);
  if (low > high) return { over: 0n, under };
  const anchor = Math.min(high, Math.max(low, Math.floor(((drawn + 1) * (marked + 1)) / (population + 2))));
  const ways = choose(marked, anchor) * choose(unmarked, drawn - anchor);
  const largest = roundedUp(ways * under, choose(population, drawn));
  let over = largest;
  let term = largest;
  for (let count = anchor; count < high; count++) {
    const next = BigInt(marked - count) * BigInt(drawn - count);
    term = roundedUp(term * next, BigInt(count + 1) * BigInt(unmarked - drawn + count + 1));
    over += term;
  }
  term = largest;
  for (let count = anchor; count > low; count--) {
    const next = BigInt(count) * BigInt(unmarked - drawn + count);
    term = roundedUp(term * next, BigInt(marked - count + 1) * BigInt(drawn - count + 1));
    over += term;
  }
  return { over, under };
}

/** Whether `odds` · `times` ≤ 2^-bits. */
export const atMost = ({ over, under }: Fraction, bits: number, times = 1): boolean =>
  over * BigInt(times) * 2n ** BigInt(bits) <= under;
