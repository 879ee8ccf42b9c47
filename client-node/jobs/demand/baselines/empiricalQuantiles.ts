import { quantileOfSorted } from '../../../statistics/quantile.ts';
import { SCORED_QUANTILES } from '../scores.ts';

/**
 * Forecasts the quantiles of what was sold lately: each period those of the last `count` periods at its own place in the cycle, the same weekday where the cycle
 * is a week of days. Periods that are not known are passed over; where none is known, all known periods stand in, and 0 where there is none.
 *
 * @param cycle places in the cycle: 7 for days, 1 otherwise
 * @returns [periods, 9] units, ascending within a period
 */
export function empiricalQuantiles(history: Float64Array, count: number, cycle: number, periods: number): Float64Array {
  const levels = SCORED_QUANTILES.length;
  const forecast = new Float64Array(periods * levels);
  const isKnown = (value: number) => !Number.isNaN(value);
  const places = Array.from({ length: Math.min(cycle, periods) }, (_, place) => {
    const lately: number[] = [];
    for (let back = 1; back <= count; back += 1) {
      const at = history.length + place - back * cycle;
      if (at >= 0) lately.push(history[at] as number);
    }
    const known = Float64Array.from(lately.filter(isKnown)).sort();
    return known.length > 0 ? known : history.filter(isKnown).sort();
  });
  for (let step = 0; step < periods; step += 1) {
    const values = places[step % cycle] as Float64Array;
    SCORED_QUANTILES.forEach((level, at) => {
      forecast[step * levels + at] = quantileOfSorted(values, level);
    });
  }
  return forecast;
}
