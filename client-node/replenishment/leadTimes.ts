/**
 * The standard normal distribution as 16 values of equal weight: its quantiles at (k + ½) / 16, scaled to a variance of 1.
 */
const NORMAL = [0.0784, 0.237, 0.4023, 0.5791, 0.7764, 1.01, 1.318, 1.8627]
  .flatMap((value) => [-value, value])
  .map((value, _, all) => value / Math.sqrt(all.reduce((sum, other) => sum + other * other, 0) / all.length));

/**
 * A lead time that varies, as equally likely lead times: those of a lognormal distribution, which has no negative ones and a long upper end, as lead times do.
 *
 * @param meanDays 0 or more
 * @param spreadDays standard deviation, 0 or more; 0 where meanDays is 0
 * @returns days, of mean meanDays; one alone where nothing varies
 */
export function leadTimes(meanDays: number, spreadDays: number): number[] {
  if (meanDays === 0 || spreadDays === 0) return [meanDays];
  const deviation = Math.sqrt(Math.log1p((spreadDays / meanDays) ** 2));
  const raw = NORMAL.map((value) => Math.exp(deviation * value));
  const factor = (meanDays * raw.length) / raw.reduce((sum, value) => sum + value, 0);
  return raw.map((value) => value * factor);
}
