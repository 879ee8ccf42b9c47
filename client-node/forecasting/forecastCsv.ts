import { csvCell } from '../data/csvCell.ts';
import type { SeriesForecast } from './seriesForecast.ts';

/** Quantiles as column names have them: q01, q05, q10 … q99. */
const levelName = (level: number): string => `q${String(Math.round(100 * level)).padStart(2, '0')}`;

/** The columns of a table of forecasts, a row for each series and period. */
export const forecastColumns = (levels: readonly number[]): string[] => [
  'item',
  'location',
  'period',
  'mean',
  ...levels.map(levelName),
  'meanToDate',
  ...levels.map((level) => `${levelName(level)}ToDate`),
];

/** A table of forecasts as CSV (RFC 4180), in pieces. Its columns are those of the first series. */
export async function* forecastCsv(forecasts: AsyncIterable<SeriesForecast>): AsyncGenerator<string> {
  let isFirst = true;
  for await (const series of forecasts) {
    if (isFirst) yield `${forecastColumns(series.levels).join(',')}\r\n`;
    isFirst = false;
    const { item, location, periods, mean, quantiles, meanToDate, quantilesToDate } = series;
    const names = `${csvCell(item)},${csvCell(location)}`;
    yield periods
      .map((period, at) => {
        const numbers = [mean[at]!, ...quantiles[at]!, meanToDate[at]!, ...quantilesToDate[at]!];
        return `${names},${period},${numbers.join(',')}\r\n`;
      })
      .join('');
  }
}
