import { createReadStream } from 'node:fs';
import { join } from 'node:path';
import { writeFileWhole } from '@hansa/shared/files';
import { readNodeConfig } from '../config/nodeConfig.ts';
import { forecastCsv } from '../forecasting/forecastCsv.ts';
import { forecastParquet } from '../forecasting/forecastParquet.ts';
import { forecastPage } from '../forecasting/page/forecastPage.ts';
import { readForecasts } from '../forecasting/readForecasts.ts';
import type { CommandContext } from './context.ts';
import { type ForecastChoice, formatOf, type MadeForecasts, withForecasts } from './makeForecasts.ts';
import { count } from './output.ts';
import { refuseExisting } from './refuseExisting.ts';
import { writingOut } from './writingOut.ts';

const formats = ['.csv', '.parquet', '.json', '.html'] as const;
type Format = (typeof formats)[number];

/** Permission bits of a forecast: for the merchant's own people. */
const MODE = 0o640;

export interface ForecastOptions extends ForecastChoice {
  readonly config: string;
  readonly out: readonly string[];
  readonly overwrite?: boolean;
  readonly language: 'en' | 'zh';
}

/** `forecast`: what every item will sell, from the newest period of the data on. Makes no connection. */
export async function forecast(options: ForecastOptions, context: CommandContext): Promise<number> {
  const files = options.out.map((path) => ({ path, format: formatOf(path, formats) }));
  if (!options.overwrite) for (const { path } of files) refuseExisting(path);
  const config = readNodeConfig(options.config);
  return withForecasts(config, options, context, async (made) => {
    for (const { path, format } of files) {
      await writingOut(path, () => write(path, format, made, options.language));
      context.output.line(`${path}: ${count(made.series)} series, ${made.periods} periods each.`);
    }
    const { job, engine, series, periods, seconds } = made;
    context.output.document({ job, engine, series, periods, seconds, files: files.map(({ path }) => path) });
    return 0;
  });
}

async function write(
  path: string,
  format: Format,
  { path: forecasts, scratchFolder }: MadeForecasts,
  language: ForecastOptions['language'],
): Promise<void> {
  if (format === '.csv') return writeFileWhole(path, forecastCsv(readForecasts(forecasts)), MODE);
  if (format === '.json') return writeFileWhole(path, jsonArray(readForecasts(forecasts)), MODE);
  if (format === '.html') return writeFileWhole(path, forecastPage(readForecasts(forecasts), language), MODE);
  const table = join(scratchFolder, 'forecasts.parquet');
  for await (const { levels } of readForecasts(forecasts)) {
    await forecastParquet(forecasts, table, levels, scratchFolder);
    break;
  }
  return writeFileWhole(path, createReadStream(table), MODE);
}

/** A JSON array of forecasts, in pieces. */
async function* jsonArray(forecasts: AsyncIterable<unknown>): AsyncGenerator<string> {
  let before = '[\n';
  for await (const forecast of forecasts) {
    yield `${before}${JSON.stringify(forecast)}`;
    before = ',\n';
  }
  yield before === '[\n' ? '[]\n' : '\n]\n';
}
