/** ln(0!), ln(1!), …, grown as needed: sums of logarithms in one fixed order, so that every machine computes the same. */
let logFactorials = new Float64Array(1);

function logFactorial(count: number): number {
  if (count >= logFactorials.length) {
    const grown = new Float64Array(Math.max(count + 1, 2 * logFactorials.length));
    grown.set(logFactorials);
    // Compensated (Neumaier), since a million terms are added.
    let compensation = 0;
    for (let value = logFactorials.length; value < grown.length; value++) {
      const term = Math.log(value) + compensation;
      const sum = grown[value - 1]! + term;
      compensation = term - (sum - grown[value - 1]!);
      grown[value] = sum;
    }
    logFactorials = grown;
  }
  return logFactorials[count]!;
}

/** ln of the binomial coefficient; −∞ where `chosen` is outside 0..`count`. */
export const logChoose = (count: number, chosen: number): number =>
  chosen < 0 || chosen > count
    ? Number.NEGATIVE_INFINITY
    : logFactorial(count) - logFactorial(chosen) - logFactorial(count - chosen);

/** How many marked ones are among `drawn`, drawn without replacement from `population` of which `marked` are. */
export interface Draw {
  readonly population: number;
  readonly marked: number;
  readonly drawn: number;
}

/**
 * Pr[count > `than`] of the hypergeometric distribution.
 *
 * Summed outwards from the largest term that counts, each from the one before, until the terms no longer change the sum. Cost: a few standard
 * deviations of terms.
 */
export function probabilityAbove({ population, marked, drawn }: Draw, than: number): number {
  const unmarked = population - marked;
  const lowest = Math.max(0, drawn - unmarked);
  const highest = Math.min(marked, drawn);
  const first = Math.max(than + 1, lowest);
  if (first > highest) return 0;
  const mode = Math.floor(((drawn + 1) * (marked + 1)) / (population + 2));
  const anchor = Math.min(highest, Math.max(first, mode));
  const largest = Math.exp(
    logChoose(marked, anchor) + logChoose(unmarked, drawn - anchor) - logChoose(population, drawn),
  );
  let sum = largest;
  let term = largest;
  for (let count = anchor; count < highest && term > sum * 1e-18; count++) {
    term *= ((marked - count) * (drawn - count)) / ((count + 1) * (unmarked - drawn + count + 1));
    sum += term;
  }
  term = largest;
  for (let count = anchor; count > first && term > sum * 1e-18; count--) {
    term *= (count * (unmarked - drawn + count)) / ((marked - count + 1) * (drawn - count + 1));
    sum += term;
  }
  return sum;
}

/** Pr[count < `than`]. */
export const probabilityBelow = (draw: Draw, than: number): number =>
  probabilityAbove({ ...draw, marked: draw.population - draw.marked }, draw.drawn - than);

/** The smallest whole number from `low` to `high` for which `holds`, which is false up to some point and true from it on; `high` + 1 where none. */
export function smallest(low: number, high: number, holds: (value: number) => boolean): number {
  let below = low;
  let above = high + 1;
  while (below < above) {
    const middle = Math.floor((below + above) / 2);
    if (holds(middle)) above = middle;
    else below = middle + 1;
  }
  return above;
}
