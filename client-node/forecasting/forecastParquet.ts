import { parquetOfLines } from '../data/parquetOfLines.ts';
import { forecastColumns } from './forecastCsv.ts';

/**
 * Writes a table of forecasts as Parquet, a row for each series and period, with the columns of the CSV.
 *
 * @param from a file that writeForecasts has written
 * @param to where the Parquet file goes; it must not exist
 * @throws HansaError StorageFull
 */
export async function forecastParquet(
  from: string,
  to: string,
  levels: readonly number[],
  scratchFolder: string,
): Promise<void> {
  const numbers = forecastColumns(levels).slice(3);
  const each = (list: string, names: readonly string[]) =>
    names.map((name, at) => `unnest(list_transform("${list}", lambda row: row[${at + 1}])) AS "${name}"`);
  await parquetOfLines({
    from,
    to,
    scratchFolder,
    types: {
      item: 'VARCHAR',
      location: 'VARCHAR',
      periods: 'DATE[]',
      mean: 'DOUBLE[]',
      quantiles: 'DOUBLE[][]',
      meanToDate: 'DOUBLE[]',
      quantilesToDate: 'DOUBLE[][]',
    },
    select: [
      'item',
      'location',
      'unnest(periods) AS "period"',
      'unnest("mean") AS "mean"',
      ...each('quantiles', numbers.slice(1, levels.length + 1)),
      'unnest("meanToDate") AS "meanToDate"',
      ...each('quantilesToDate', numbers.slice(levels.length + 2)),
    ],
  });
}
