import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { frequencyShapes } from '@hansa/client-node/jobs/demand';
import { dayNumber } from '../../../client-node/data/days.ts';
import { periodOf } from '../../../client-node/jobs/demand/load/calendar.ts';
import { forecastScore } from '../../../client-node/jobs/demand/scores.ts';
import { type Peer, type PeerProcess, startPeer } from '../peers/peer.ts';
import type { LoadedMerchant } from './loadedMerchant.ts';

const lightgbm: Peer = {
  name: 'LightGBM',
  packages: ['lightgbm==4.7.0', 'scikit-learn==1.9.1', 'pandas==3.1.1', 'numpy==2.4.6'],
};
/** Rows of a step ahead each that the trees train on: more change little. */
const MOST_ROWS = 400_000;
const PERIODS_IN_YEAR = { day: 365.25, week: 52.18, month: 12 } as const;

/** A series as the trees see it: whole, with the origins of its test windows as places in it. */
interface TreeSeries {
  readonly units: (number | null)[];
  readonly first: number;
  readonly year: number;
  readonly category: number;
  readonly known: readonly (readonly number[])[];
  readonly trainEnd: number;
  readonly origins: number[];
}

export const startTrees = (): Promise<PeerProcess> =>
  startPeer(lightgbm, new URL('boostedTrees.py', import.meta.url), 2);

/** WQL of gradient-boosted trees on each merchant's hold-out, trained on the data of all of these merchants together. */
export async function treeScores(
  peer: PeerProcess,
  merchants: readonly LoadedMerchant[],
  folder: string,
  seed: number,
): Promise<number[]> {
  const built = merchants.map((merchant, index) => seriesOf(merchant, index));
  const { frequency } = merchants[0]!.data;
  const horizon = frequencyShapes[frequency].horizonPeriods;
  const file = join(folder, 'series.json');
  const answers = join(folder, 'answers.json');
  const series = built.flatMap((own) => own.map(({ series }) => series));
  await writeFile(file, JSON.stringify({ series, horizon, season: frequencyShapes[frequency].season }));
  await peer.ask(JSON.stringify({ file, answers, seed, rows: MOST_ROWS, threads: 2 }));
  const quantiles = JSON.parse(await readFile(answers, 'utf8')) as number[][];
  let at = 0;
  return merchants.map(({ read: data }, index) => {
    const score = forecastScore(data.cleaning.seriesRead, data.naiveErrors());
    for (const { windows } of built[index]!) {
      for (const window of windows) {
        const targets = data.test.targets(window);
        const rows = quantiles.slice(at, at + horizon);
        at += horizon;
        const padded = Array.from({ length: targets.target.length }, (_, step) => rows[step] ?? rows.at(-1)!);
        score.add(targets, padded.flat(), () => data.test.describe(window).seriesIndex);
      }
    }
    return score.metrics().wql ?? Number.NaN;
  });
}

/** A merchant's series that have test windows, with those windows in the order of their origins. */
function seriesOf(
  { read: data, promotions }: LoadedMerchant,
  merchant: number,
): { series: TreeSeries; windows: number[] }[] {
  const bySeries = new Map<number, number[]>();
  for (let window = 0; window < data.test.count; window++) {
    const { seriesIndex } = data.test.describe(window);
    bySeries.set(seriesIndex, [...(bySeries.get(seriesIndex) ?? []), window]);
  }
  const { horizonPeriods } = frequencyShapes[data.frequency];
  const periodAt = (day: string) => periodOf(data.frequency, dayNumber(day));
  return [...bySeries.values()].map((windows) => {
    const last = windows.at(-1)!;
    const { series: name, originPeriod } = data.test.describe(last);
    const history = [...data.history('test', last)];
    const first = periodAt(originPeriod) - history.length;
    const ahead = data.test.targets(last);
    const after = Array.from({ length: horizonPeriods }, (_, step) =>
      ahead.targetObserved[step] === 1 && ahead.stockOut[step] === 0 ? ahead.target[step]! : Number.NaN,
    );
    const units = [...history, ...after].map((value) => (Number.isNaN(value) ? null : value));
    const own = promotions.get(name);
    return {
      windows,
      series: {
        units,
        first,
        year: PERIODS_IN_YEAR[data.frequency],
        category: merchant,
        known: own === undefined ? [] : [units.map((_, at) => own.get(first + at) ?? 0)],
        trainEnd: periodAt(String(data.report.facts.validFrom)) - first,
        origins: windows.map((window) => data.history('test', window).length),
      },
    };
  });
}
