import type { Comparison } from '../../../client-node/evaluation/compareMethods.ts';
import { simpleForecasts } from '../../../client-node/jobs/demand/baselines/index.ts';

/** What one merchant found with one seed. */
export interface MerchantRow {
  readonly merchant: string;
  readonly seed: number;
  readonly comparison: Comparison;
  /** WQL of what a merchant cannot have or that is not ours; undefined where not run. */
  readonly pooled: number;
  readonly treesOwn: number | undefined;
  readonly treesPooled: number | undefined;
}

/** Means over merchants, and shares of them; null where not run. */
export interface Summary {
  readonly means: Readonly<Record<string, number | null>>;
  readonly shares: Readonly<Record<string, number | null>>;
  /** Mean over merchants of the selected model's other metrics. */
  readonly selected: Readonly<Record<string, number>>;
  /** How often each model was selected. */
  readonly selections: Readonly<Record<string, number>>;
}

const columns: Readonly<Record<string, (row: MerchantRow) => number | undefined>> = {
  own: ({ comparison }) => wql(comparison, 'localOnly'),
  league: ({ comparison }) => wql(comparison, 'federated'),
  tuned: ({ comparison }) => wql(comparison, 'fineTuned'),
  blended: ({ comparison }) => wql(comparison, 'blended'),
  selected: ({ comparison }) => wql(comparison, 'selected'),
  untrained: ({ comparison }) => wql(comparison, 'untrained'),
  pooled: ({ pooled }) => pooled,
  ...Object.fromEntries(
    simpleForecasts.map(({ name }) => [name, ({ comparison }: MerchantRow) => wql(comparison, name)]),
  ),
  bestSimple: ({ comparison }) =>
    Math.min(...simpleForecasts.map(({ name }) => wql(comparison, name) ?? Number.POSITIVE_INFINITY)),
  treesOwn: ({ treesOwn }) => treesOwn,
  treesPooled: ({ treesPooled }) => treesPooled,
};

const metric = ({ metrics }: Comparison, name: string, method: string) =>
  metrics.find((one) => one.name === name)?.values[method];
const wql = (comparison: Comparison, method: string) => metric(comparison, 'wql', method);
const mean = (values: readonly number[]) => values.reduce((sum, value) => sum + value, 0) / values.length;
const knownMean = (values: readonly (number | undefined)[]) =>
  values.every((value) => value !== undefined) ? mean(values as number[]) : null;

export function summarise(rows: readonly MerchantRow[]): Summary {
  const share = (is: (row: MerchantRow) => boolean | undefined): number | null => {
    const found = rows.map(is);
    return found.every((one) => one !== undefined) ? mean(found.map((one) => (one === true ? 1 : 0))) : null;
  };
  const selectedBeats = (name: string) =>
    share((row) => {
      const [ours, theirs] = [columns.selected!(row), columns[name]!(row)];
      return ours === undefined || theirs === undefined ? undefined : ours < theirs;
    });
  const isWorse = ({ comparison }: MerchantRow) => {
    const against = comparison.comparisons.find((one) => one.method === 'selected' && one.against === 'localOnly');
    return against === undefined ? false : against.interval[0] > 0;
  };
  const selections: Record<string, number> = {};
  for (const { comparison } of rows) selections[comparison.selected] = (selections[comparison.selected] ?? 0) + 1;
  return {
    means: Object.fromEntries(Object.entries(columns).map(([name, of]) => [name, knownMean(rows.map(of))])),
    shares: {
      selectedBeatsOwn: selectedBeats('own'),
      selectedBeatsTreesOwn: selectedBeats('treesOwn'),
      selectedBeatsTreesPooled: selectedBeats('treesPooled'),
      selectedBeatsBestSimple: selectedBeats('bestSimple'),
      significantlyWorse: share(isWorse),
    },
    selected: Object.fromEntries(
      ['wape', 'mase', 'bias', 'coverage'].map((name) => [
        name,
        mean(rows.flatMap(({ comparison }) => metric(comparison, name, 'selected') ?? [])),
      ]),
    ),
    selections,
  };
}

/** The table for people: a line for each merchant, means last. */
export function table(rows: readonly MerchantRow[], { means, shares, selected, selections }: Summary): string[] {
  const shown = [
    'own',
    'league',
    'tuned',
    'selected',
    'pooled',
    'untrained',
    'seasonalNaive',
    'empirical13',
    'empirical26',
    'ets',
    'croston',
    'sba',
    'tsb',
    'zero',
    'treesOwn',
    'treesPooled',
  ];
  const cell = (value: number | null | undefined) => (value == null ? '–' : value.toFixed(3)).padStart(8);
  const head = (name: string) => name.slice(0, 8).padStart(9);
  return [
    `${'merchant'.padEnd(24)}${shown.map(head).join('')}`,
    ...rows.map(
      (row) =>
        `${row.merchant.slice(0, 23).padEnd(24)}${shown.map((name) => ` ${cell(columns[name]!(row))}`).join('')}  ${row.comparison.selected}`,
    ),
    `${'mean'.padEnd(24)}${shown.map((name) => ` ${cell(means[name])}`).join('')}`,
    ...Object.entries(shares).map(
      ([name, value]) => `${name}: ${value === null ? '–' : `${(100 * value).toFixed(0)} %`}`,
    ),
    `selected model: ${Object.entries(selected)
      .map(([name, value]) => `${name} ${value.toFixed(3)}`)
      .join(', ')}`,
    `selections: ${Object.entries(selections)
      .map(([name, count]) => `${name} ${count}`)
      .join(', ')}`,
  ];
}
