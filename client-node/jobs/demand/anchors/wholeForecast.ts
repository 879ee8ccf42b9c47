import { DEMAND_COLUMNS } from '@hansa/shared/model/jobs/demand';
import type { KnownSeries } from './knownSeries.ts';
import type { Row } from './quantileRows.ts';

/** A forecast of a whole horizon of H periods: the distribution of each period, and of the sum of the periods up to each. */
export interface WholeForecast {
  /** [H, DEMAND_COLUMNS] units */
  readonly single: Float64Array;
  /** [H, DEMAND_COLUMNS] units from the first period to this one */
  readonly toDate: Float64Array;
}

export function emptyForecast(horizon: number): WholeForecast {
  return {
    single: new Float64Array(horizon * DEMAND_COLUMNS),
    toDate: new Float64Array(horizon * DEMAND_COLUMNS),
  };
}

/** Row `step`, from 0, of a table of rows. */
export const rowOf = (into: Float64Array, step: number): Row => ({ into, at: step * DEMAND_COLUMNS });

/** A series without its effects: what several anchors forecast, to be multiplied with the effects of the periods ahead. */
export interface BaseSeries {
  readonly known: KnownSeries;
  /** [T] demand without effects; NaN = not known. */
  readonly base: Float64Array;
  /** [H] effects of the periods ahead. */
  readonly ahead: Float64Array;
}

/** Sum and sum of squares of the effects up to each period. */
export function* factorsToDate(ahead: Float64Array): Generator<{ step: number; sum: number; squares: number }> {
  let sum = 0;
  let squares = 0;
  for (const [step, factor] of ahead.entries()) {
    sum += factor;
    squares += factor * factor;
    yield { step, sum, squares };
  }
}
