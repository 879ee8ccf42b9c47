import { DEMAND_ANCHORS } from '@hansa/shared/model/jobs/demand';
import { effects } from './effects.ts';
import { type KnownSeries, lookBacks } from './knownSeries.ts';
import { newItem } from './newItem.ts';
import { recentQuantiles } from './recentQuantiles.ts';
import { sameWeekday } from './sameWeekday.ts';
import { seasonFactors } from './season.ts';
import { smoothing } from './smoothing.ts';
import type { BaseSeries, WholeForecast } from './wholeForecast.ts';

export { type KnownSeries, lookBacks, mostHistory } from './knownSeries.ts';
export type { WholeForecast } from './wholeForecast.ts';

/** Effects so small that what was sold under them tells nothing of demand without them. */
const LEAST_EFFECT = 0.05;

/** Simple forecasts of one series. */
export interface Anchors {
  /** DEMAND_ANCHORS of them. */
  readonly forecasts: readonly WholeForecast[];
  /** [H] by what factor each period ahead differs from the level, as its own past tells. */
  readonly ahead: Float64Array;
}

/**
 * The simple forecasts that the demand head mixes and corrects, each a whole one: quantiles of every period and of every sum to date.
 *
 * A network of this size needs thousands of steps to learn from patches alone that a Saturday resembles the Saturdays before it; given these it starts there,
 * and learns what is left. In order: empirical quantiles of a short, a middle and a long window; smoothing with its own errors; the middle window again with
 * the season of the year before, these five with the effects of weekdays and covariates taken out and put back; and the middle window without any effects
 * (for days: of the same weekday over the long window). Where a history is too short for one, the middle window stands in, and where nothing is known at
 * all, the merchant's other items.
 */
export function anchorsOf(known: KnownSeries): Anchors {
  const { sold, horizon } = known;
  const { windows, weekdays } = lookBacks[known.frequency];
  const factors = effects(known);
  const count = sold.length;
  const ahead = factors.slice(count);
  const base = sold.map((units, at) => (factors[at]! < LEAST_EFFECT ? Number.NaN : units / factors[at]!));
  const series: BaseSeries = { known, base, ahead };
  const middle = recentQuantiles(series, windows[1]) ?? newItem(known.peers(), ahead);
  const plain =
    weekdays === 1
      ? recentQuantiles({ known, base: sold, ahead: new Float64Array(horizon).fill(1) }, windows[1])
      : sameWeekday(sold, horizon, windows[2]);
  const forecasts = [
    recentQuantiles(series, windows[0]) ?? middle,
    middle,
    recentQuantiles(series, windows[2]) ?? middle,
    smoothing(series) ?? middle,
    seasonal(series) ?? middle,
    plain ?? middle,
  ];
  if (forecasts.length !== DEMAND_ANCHORS) throw new RangeError('the head mixes another number of anchors');
  return { forecasts, ahead };
}

/** Empirical quantiles of the middle window, with the season of the year taken out and put back. */
function seasonal({ known, base, ahead }: BaseSeries): WholeForecast | undefined {
  const window = lookBacks[known.frequency].windows[1];
  const from = Math.max(0, base.length - 2 * window);
  const factors = seasonFactors(known, base, from);
  if (factors === undefined) return undefined;
  return recentQuantiles(
    {
      known,
      base: base.subarray(from).map((value, at) => value / factors[at]!),
      ahead: ahead.map((factor, step) => factor * factors[base.length - from + step]!),
    },
    window,
  );
}
