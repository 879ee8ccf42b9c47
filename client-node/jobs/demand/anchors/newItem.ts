import { DEMAND_COLUMNS } from '@hansa/shared/model/jobs/demand';
import { type Row, writeSamples, writeScaled } from './quantileRows.ts';
import { emptyForecast, factorsToDate, rowOf, type WholeForecast } from './wholeForecast.ts';

/**
 * A forecast of an item of which nothing is known: it will sell like one of the others, whichever that is, so that periods of a sum vary together.
 *
 * @param peers mean demand a period of the other items, ascending; where there are none the forecast is zero
 */
export function newItem(peers: Float64Array, ahead: Float64Array): WholeForecast {
  const forecast = emptyForecast(ahead.length);
  const one: Row = { into: new Float64Array(DEMAND_COLUMNS), at: 0 };
  if (peers.length > 0) writeSamples(one, peers);
  for (const { step, sum } of factorsToDate(ahead)) {
    writeScaled(rowOf(forecast.single, step), one, ahead[step]!);
    writeScaled(rowOf(forecast.toDate, step), one, sum);
  }
  return forecast;
}
