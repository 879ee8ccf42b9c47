import { statSync } from 'node:fs';
import { resolve } from 'node:path';
import { HansaError } from '@hansa/shared/errors';
import { writeFileWhole } from '@hansa/shared/files';
import { readNodeConfig } from '../config/nodeConfig.ts';
import { readForecasts } from '../forecasting/readForecasts.ts';
import type { Limit } from '../replenishment/limit.ts';
import { makePlan } from '../replenishment/makePlan.ts';
import { planPage } from '../replenishment/page/planPage.ts';
import { planCsv, planJson } from '../replenishment/planFiles.ts';
import { exceptionKinds, type Plan } from '../replenishment/planRow.ts';
import { readPrevious } from '../replenishment/readPrevious.ts';
import { readStock } from '../replenishment/readStock.ts';
import type { PlanLanguage } from '../replenishment/words.ts';
import type { CommandContext } from './context.ts';
import { type ForecastChoice, formatOf, withForecasts } from './makeForecasts.ts';
import { count } from './output.ts';
import { refuseExisting } from './refuseExisting.ts';
import { writingOut } from './writingOut.ts';

const writers = { '.csv': planCsv, '.json': planJson, '.html': planPage } as const;
const formats = Object.keys(writers) as (keyof typeof writers)[];

/** Permission bits of a plan: for the merchant's own people. */
const MODE = 0o640;

/** From so many days between the forecast's first day and today the data is told to be old. */
const OLD_DAYS = 14;
const DAY_MS = 86_400_000;

export interface PlanOptions extends Omit<ForecastChoice, 'periods'> {
  readonly config: string;
  readonly stock?: string;
  readonly out: readonly string[];
  readonly overwrite?: boolean;
  readonly serviceLevel?: number;
  readonly budget?: number;
  readonly capacity?: number;
  readonly previous?: string;
  readonly language: PlanLanguage;
}

/** `plan`: what to order of every item, from its forecast and the stock that a file tells, or the order files. Makes no connection. */
export async function plan(options: PlanOptions, context: CommandContext): Promise<number> {
  const { output, clock, signal } = context;
  const files = options.out.map((path) => ({ path, write: writers[formatOf(path, formats)] }));
  for (const { path } of files) {
    if (!options.overwrite) refuseExisting(path);
    if (options.stock !== undefined && resolve(path) === resolve(options.stock))
      throw new HansaError('InvalidArgument', `--out ${path} would replace the stock file. Name another place.`);
  }
  if (options.stock !== undefined) requireFile('--stock', options.stock, ['.csv', '.csv.gz', '.parquet']);
  if (options.previous !== undefined) requireFile('--previous', options.previous, ['.csv', '.json']);
  const config = readNodeConfig(options.config);
  // What is wrong with the stock file is told before the forecast is made, which takes longer.
  const stock =
    options.stock === undefined ? undefined : await readStock(options.stock, config.replenishment, { signal });
  output.note(
    stock === undefined
      ? 'stock as the order files tell it; nothing is known to be on order'
      : `stock of ${count(stock.size)} items`,
  );
  const previous = options.previous === undefined ? undefined : await readPrevious(options.previous);
  return withForecasts(config, options, context, async ({ path: forecasts, job, engine, periods }) => {
    const made = await makePlan(readForecasts(forecasts), stock, {
      config: config.replenishment,
      serviceLevel: options.serviceLevel,
      limit: limitOf(options),
      previous,
    });
    for (const { path, write } of files) {
      await writingOut(path, () => writeFileWhole(path, write(made, options.language), MODE));
      output.line(`${path}: ${count(made.rows.length)} items.`);
    }
    for (const line of summaryLines(made)) output.line(line);
    const old = made.firstDay === undefined ? 0 : Math.floor((clock.now() - Date.parse(made.firstDay)) / DAY_MS);
    if (old >= OLD_DAYS)
      output.note(
        `The forecast begins on ${made.firstDay}, ${count(old)} days ago, and the stock is taken to be that of its morning. Export newer orders for a plan of today.`,
      );
    output.document({
      job,
      engine,
      periods,
      firstDay: made.firstDay,
      ...made.summary,
      files: files.map(({ path }) => path),
    });
    return 0;
  });
}

function limitOf({ budget, capacity }: PlanOptions): Limit | undefined {
  if (budget !== undefined) return { kind: 'budget', amount: budget };
  return capacity === undefined ? undefined : { kind: 'capacity', amount: capacity };
}

function requireFile(option: string, path: string, endings: readonly string[]): void {
  if (!endings.some((ending) => path.toLowerCase().endsWith(ending)))
    throw new HansaError('InvalidArgument', `${option} ${path}: the name must end with ${endings.join(', ')}.`);
  const found = statSync(path, { throwIfNoEntry: false });
  if (found === undefined) throw new HansaError('InvalidArgument', `${option} ${path} does not exist.`);
  if (!found.isFile() || found.size === 0)
    throw new HansaError('InvalidArgument', `${option} ${path} is ${found.isFile() ? 'empty' : 'no file'}.`);
}

function summaryLines({ summary }: Plan): string[] {
  const { orders, orderCost, states, exceptions, kept } = summary;
  const cost = orderCost === null || orders === 0 ? '' : `, for ${orderCost.toLocaleString('en-US')} in all`;
  const found = exceptionKinds.filter((kind) => exceptions[kind] > 0);
  return [
    `${count(orders)} to order${cost}${kept === 0 ? '' : `; ${count(kept)} orders stay as they were`}.`,
    `Stock: ${count(states.low)} low, ${count(states.ok)} ok, ${count(states.high)} high.`,
    ...(found.length === 0
      ? []
      : [`Look first at: ${found.map((kind) => `${kind} ${count(exceptions[kind])}`).join(', ')}.`]),
  ];
}
