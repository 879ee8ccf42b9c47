import { createReadStream } from 'node:fs';
import { createInterface } from 'node:readline';
import type { SeriesForecast } from './seriesForecast.ts';

/** The forecasts of a file that writeForecasts has written, one after another. */
export async function* readForecasts(path: string): AsyncGenerator<SeriesForecast> {
  for await (const line of createInterface({ input: createReadStream(path), crlfDelay: Number.POSITIVE_INFINITY })) {
    yield JSON.parse(line) as SeriesForecast;
  }
}
