import { type KnownSeries, lookBacks } from './knownSeries.ts';

/** Periods of the series' own that its merchant's season counts for. */
const MERCHANT_PERIODS = 3;
/** Limits of a factor. */
const LEAST = 1 / 6;
const MOST = 6;

/**
 * Factors of the year's season for the periods `from` … T + H − 1: what a series sold in the same stretch of the year before over its mean of that year,
 * shrunk towards what all of the merchant's items did.
 *
 * @param base [T] demand without other effects; NaN = not known
 * @returns by period, from `from` on; undefined where there is less than a year before `from`
 */
export function seasonFactors(known: KnownSeries, base: Float64Array, from: number): Float64Array | undefined {
  const { year, halfStretch: half } = lookBacks[known.frequency];
  const count = base.length;
  if (from < year + half) return undefined;
  const meanOf = meansOf(base);
  return Float64Array.from({ length: count + known.horizon - from }, (_, step) => {
    const ago = from + step - year;
    const merchant = known.merchantSeason[from + step]!;
    const [level] = meanOf(ago - Math.floor(year / 2), ago + Math.ceil(year / 2));
    const [mean, periods] = meanOf(ago - half, ago + half + 1);
    const own = level > 0 ? mean / level : 1;
    const factor = (periods * own + MERCHANT_PERIODS * merchant) / (periods + MERCHANT_PERIODS);
    return Math.max(LEAST, Math.min(MOST, factor));
  });
}

/** Means of the known values from one place to another, the latter not included, and how many there are; 0 of none. */
export function meansOf(values: Float64Array): (from: number, to: number) => [mean: number, known: number] {
  const sums = new Float64Array(values.length + 1);
  const counts = new Int32Array(values.length + 1);
  for (let at = 0; at < values.length; at++) {
    const isKnown = !Number.isNaN(values[at]!);
    sums[at + 1] = sums[at]! + (isKnown ? values[at]! : 0);
    counts[at + 1] = counts[at]! + (isKnown ? 1 : 0);
  }
  return (from, to) => {
    const [first, last] = [Math.max(0, from), Math.min(values.length, to)];
    const known = last > first ? counts[last]! - counts[first]! : 0;
    return known === 0 ? [0, 0] : [Math.max(0, sums[last]! - sums[first]!) / known, known];
  };
}
