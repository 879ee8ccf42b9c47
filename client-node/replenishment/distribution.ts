/** How much an item may sell over some time. */
export interface Distribution {
  /** Expected units. */
  readonly mean: number;
  /** Probability of at most `units`. */
  cdf(units: number): number;
  /** The least units that are enough with a probability of `level`, 0 < level < 1. */
  quantile(level: number): number;
  /** Expected units above `units`: what a stock of that size does not serve. */
  shortage(units: number): number;
}

/** Halvings of the interval that a quantile lies in: to 15 digits. */
const HALVINGS = 52;

/** Distances of the exponential tail within which all but 1e-17 of it lies. */
const TAIL_ENDS = 40;

/**
 * The mixture, in equal shares, of distributions that are given by their quantiles.
 *
 * Each is linear between its quantiles, from 0 on; beyond the highest it falls off exponentially, at the rate of its two highest quantiles.
 *
 * @param levels ascending, of the quantiles
 * @param rows [parts][levels] units, ascending, at least 0; one part or more
 * @throws RangeError (without a part)
 */
export function mixtureOf(levels: readonly number[], rows: readonly ArrayLike<number>[]): Distribution {
  if (rows.length === 0) throw new RangeError('a mixture of nothing');
  const parts = rows.map((row) => partOf(levels, row));
  const mean = (of: (part: Part) => number) => parts.reduce((sum, part) => sum + of(part), 0) / parts.length;
  const cdf = (units: number) => mean((part) => part.cdf(units));
  const shortage = (units: number) => mean((part) => part.shortage(Math.max(0, units)));
  return {
    mean: shortage(0),
    cdf,
    shortage,
    quantile(level) {
      if (cdf(0) >= level) return 0;
      let low = 0;
      let high = parts.reduce((most, { end }) => Math.max(most, end), 0);
      for (let at = 0; at < HALVINGS; at++) {
        const middle = (low + high) / 2;
        if (cdf(middle) >= level) high = middle;
        else low = middle;
      }
      return high;
    },
  };
}

interface Part {
  cdf(units: number): number;
  shortage(units: number): number;
  /** Units that are always enough. */
  readonly end: number;
}

function partOf(levels: readonly number[], row: ArrayLike<number>): Part {
  const count = levels.length;
  const top = row[count - 1]!;
  const beyond = 1 - levels[count - 1]!;
  const rate = count < 2 ? 0 : (top - row[count - 2]!) / Math.log((1 - levels[count - 2]!) / beyond);
  const end = top + TAIL_ENDS * rate;
  // From each quantile on: expected units above it.
  const above = new Float64Array(count);
  above[count - 1] = beyond * rate;
  for (let at = count - 2; at >= 0; at--)
    above[at] = above[at + 1]! + ((2 - levels[at]! - levels[at + 1]!) / 2) * (row[at + 1]! - row[at]!);
  const tail = (units: number) => (rate === 0 ? 0 : Math.exp(-(units - top) / rate));
  /** The first quantile above `units`; `count` where there is none. */
  const next = (units: number) => {
    let at = 0;
    while (at < count && row[at]! <= units) at++;
    return at;
  };
  const cdfBelow = (units: number, at: number) => {
    const [from, level] = at === 0 ? [0, 0] : [row[at - 1]!, levels[at - 1]!];
    return level + ((units - from) / (row[at]! - from)) * (levels[at]! - level);
  };
  return {
    end,
    cdf(units) {
      if (units < 0) return 0;
      const at = next(units);
      return at === count ? 1 - beyond * tail(units) : cdfBelow(units, at);
    },
    shortage(units) {
      const at = next(units);
      if (at === count) return beyond * rate * tail(units);
      return above[at]! + ((2 - cdfBelow(units, at) - levels[at]!) / 2) * (row[at]! - units);
    },
  };
}
