import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { activate } from '../../../client-node/engines/engine.ts';
import { repositoryRoot } from '../../sourceCopy/repositoryRoot.ts';
import type { BenchCase, BenchResult } from '../report.ts';
import { demandSets, type WeeklySeries, writeWeeks } from './demandSets.ts';
import { ModelForecasts } from './modelForecasts.ts';
import type { replayedSets } from './names.ts';
import { heldAt, type Point, replayAt, replayedLevels } from './replay.ts';
import { seasonalNaiveToDate, smoothingToDate, type ToDate } from './simpleForecasts.ts';

/** Shares of demand at which methods are compared. */
const FILL_RATES = [0.9, 0.95, 0.98, 0.99];
/** A method's stock, at equal service, over that of what it is held against. */
const AGAINST_SEASONAL = 0.9;
const AGAINST_SMOOTHING = 1;
const WEEK_MS = 604_800_000;

export interface ReplenishmentOptions {
  readonly data: readonly (typeof replayedSets)[number][];
  readonly lead: number;
  readonly steps: number;
}

const say = (text: string): void => {
  process.stderr.write(`${text}\n`);
};

type Forecasts = (series: WeeklySeries, week: number) => ToDate;

/**
 * Stock that is held at equal service: each week's order is the product's own proposal, driven by the model's sums to date, untrained and trained on all series before the
 * test, by seasonal naive and by simple exponential smoothing, and the weeks after it are replayed with lost sales.
 */
export async function benchReplenishment({ data, lead, steps }: ReplenishmentOptions): Promise<BenchResult> {
  await activate('wasm');
  const folder = await mkdtemp(join(tmpdir(), 'hansa-replenishment-'));
  const dataFolder = process.env.HANSA_DATA ?? join(repositoryRoot, '../shared/data');
  const cases: BenchCase[] = [];
  const curves: { data: string; method: string; points: readonly Point[] }[] = [];
  try {
    for (const set of demandSets.filter(({ name }) => data.includes(name))) {
      const own = join(folder, set.name);
      await mkdir(own);
      const series = await writeWeeks(set, dataFolder, own);
      say(`${set.name}: ${series.length} series, ${set.testWeeks} weeks, lead time ${lead} weeks`);
      const methods = await methodsOf(set, series, own, lead + 1, steps);
      const found: Record<string, Point[]> = {};
      for (const [method, forecastOf] of methods) {
        const points = replayedLevels.map((level) => replayAt(level, series, lead, forecastOf));
        found[method] = points;
        curves.push({ data: set.name, method, points });
        say(
          `  ${method}: ${points.map(({ level, fillRate, weeksHeld }) => `${level} → ${fillRate.toFixed(3)} with ${weeksHeld.toFixed(2)}`).join(', ')}`,
        );
      }
      cases.push(...FILL_RATES.flatMap((fillRate) => casesOf(set.name, found, fillRate)));
    }
    return { cases, curves };
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

async function methodsOf(
  set: (typeof demandSets)[number],
  series: readonly WeeklySeries[],
  folder: string,
  weeks: number,
  steps: number,
): Promise<[string, Forecasts][]> {
  const model = new ModelForecasts(folder);
  await model.writeUntrained();
  const mondays = Array.from({ length: set.testWeeks }, (_, week) =>
    new Date(Date.parse(set.testFrom) + week * WEEK_MS).toISOString().slice(0, 10),
  );
  await model.load(mondays[0]!);
  const files = { untrained: model.untrained, trained: await model.train(steps, say) };
  const byModel = { untrained: [] as ReadonlyMap<string, ToDate>[], trained: [] as ReadonlyMap<string, ToDate>[] };
  for (const monday of mondays) {
    await model.load(monday);
    for (const name of ['untrained', 'trained'] as const) {
      const forecasts = await model.forecast(files[name], weeks);
      for (const { from } of forecasts.values())
        if (from !== monday) throw new RangeError(`a forecast from ${from} instead of ${monday}`);
      byModel[name].push(forecasts);
    }
    say(`  ${monday} forecast`);
  }
  const kept =
    (forecasts: readonly ReadonlyMap<string, ToDate>[]): Forecasts =>
    ({ item, location }, week) => {
      const found = forecasts[week]?.get(`${item}\0${location}`);
      if (found === undefined) throw new RangeError(`no forecast of ${item} at ${location} in week ${week}`);
      return found;
    };
  const made = (make: (history: Float64Array, weeks: number) => ToDate): Forecasts => {
    const before = new Map<WeeklySeries, ToDate[]>();
    for (const one of series)
      before.set(
        one,
        mondays.map((_, week) => make(one.units.slice(0, one.testStart + week), weeks)),
      );
    return (one, week) => before.get(one)![week]!;
  };
  return [
    ['seasonalNaive', made(seasonalNaiveToDate)],
    ['smoothing', made(smoothingToDate)],
    ['modelUntrained', kept(byModel.untrained)],
    ['modelTrained', kept(byModel.trained)],
  ];
}

/** What each method holds at one fill rate, and the trained model's against the simple ones. */
function casesOf(name: string, found: Readonly<Record<string, readonly Point[]>>, fillRate: number): BenchCase[] {
  const held = Object.fromEntries(Object.entries(found).map(([method, points]) => [method, heldAt(points, fillRate)]));
  const unit = 'weeks of demand held';
  const place = `${name}, ${100 * fillRate} % of demand served`;
  const plain = Object.entries(held).flatMap(([method, value]) =>
    value === undefined ? [] : [{ name: `${place}: ${method}`, value, unit }],
  );
  const against = (method: string, limit: number): BenchCase[] => {
    const [own, other] = [held.modelTrained, held[method]];
    if (own === undefined || other === undefined) return [];
    const ratio = own / other;
    return [
      {
        name: `${place}: model against ${method}`,
        value: own,
        unit,
        against: method,
        ratio,
        limit,
        pass: ratio <= limit,
      },
    ];
  };
  return [...plain, ...against('seasonalNaive', AGAINST_SEASONAL), ...against('smoothing', AGAINST_SMOOTHING)];
}
