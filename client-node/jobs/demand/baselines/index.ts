import type { Frequency } from '../config.ts';
import { frequencyShapes } from '../config.ts';
import { SCORED_QUANTILES } from '../scores.ts';
import { empiricalQuantiles } from './empiricalQuantiles.ts';
import { exponentialSmoothing } from './exponentialSmoothing.ts';
import { croston, type IntermittentDemand, intermittentQuantiles, sba, tsb } from './intermittent.ts';
import { seasonalNaive } from './seasonalNaive.ts';

/** A forecast that needs no model. */
export interface SimpleForecast {
  /** A key in JSON. */
  readonly name: string;
  readonly label: string;
  /**
   * @param history demand up to the origin, oldest first; NaN = not known. It may be empty
   * @param periods length of the forecast, 1 or more
   * @returns [periods, 9] units at SCORED_QUANTILES, at least 0, ascending within a period
   */
  forecast(history: Float64Array, frequency: Frequency, periods: number): Float64Array;
}

/** The simple forecasts that every model is held against. */
export const simpleForecasts: readonly SimpleForecast[] = [
  {
    name: 'zero',
    label: 'zero everywhere',
    forecast: (_, __, periods) => new Float64Array(periods * SCORED_QUANTILES.length),
  },
  {
    name: 'seasonalNaive',
    label: 'seasonal naive',
    forecast: (history, frequency, periods) => seasonalNaive(history, frequencyShapes[frequency].season, periods),
  },
  {
    name: 'empirical13',
    label: 'quantiles of 13 periods',
    forecast: (history, frequency, periods) => empiricalQuantiles(history, 13, frequency === 'day' ? 7 : 1, periods),
  },
  {
    name: 'empirical26',
    label: 'quantiles of 26 periods',
    forecast: (history, frequency, periods) => empiricalQuantiles(history, 26, frequency === 'day' ? 7 : 1, periods),
  },
  {
    name: 'ets',
    label: 'exponential smoothing',
    forecast: (history, frequency, periods) =>
      exponentialSmoothing(history, frequencyShapes[frequency].season, periods),
  },
  intermittent('croston', 'Croston', croston),
  intermittent('sba', 'Croston, corrected (SBA)', sba),
  intermittent('tsb', 'Croston, by period (TSB)', tsb),
];

function intermittent(
  name: string,
  label: string,
  estimate: (history: Float64Array) => IntermittentDemand,
): SimpleForecast {
  return { name, label, forecast: (history, _, periods) => intermittentQuantiles(history, estimate(history), periods) };
}
