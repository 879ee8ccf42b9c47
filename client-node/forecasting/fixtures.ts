import type { SeriesForecast } from './seriesForecast.ts';

/** A forecast of two weeks with three quantiles, for tests. */
export function forecastOf(change: Partial<SeriesForecast> = {}): SeriesForecast {
  return {
    item: 'tea',
    location: '',
    name: 'tea',
    frequency: 'week',
    periods: ['2026-01-05', '2026-01-12'],
    levels: [0.1, 0.3, 0.5, 0.7, 0.9],
    quantiles: [
      [1, 2, 3, 4, 5],
      [2, 3, 4, 5, 6],
    ],
    mean: [3.2, 4.5],
    quantilesToDate: [
      [1, 2, 3, 4, 5],
      [5, 6, 7, 8, 9],
    ],
    meanToDate: [3.2, 7.7],
    history: [4, null, 2, 6],
    stock: null,
    ...change,
  };
}

/** A stream of forecasts. */
export async function* streamOf(...forecasts: readonly SeriesForecast[]): AsyncGenerator<SeriesForecast> {
  yield* forecasts;
}
