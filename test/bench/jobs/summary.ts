import type { Compared, SeedResult } from './runLeague.ts';

/** One data set under one metric: means over seeds and merchants. */
export interface JobRow {
  readonly job: string;
  readonly data: string;
  readonly metric: 'auroc' | 'auprc';
  /** Those that train, and of them those whose hold-out tells methods apart. */
  readonly merchants: number;
  readonly judged: number;
  /** Trained on the merchant's own orders, with as many steps as `tuned`. */
  readonly own: number;
  readonly league: number;
  readonly tuned: number;
  readonly pastRate: number;
  readonly logisticRegression: number;
  readonly bestBaseline: number;
  /** Boosted trees on all orders together; null where they were not asked for. */
  readonly trees: number | null;
  /** Share of merchants where `tuned` is above `own` in the mean over the seeds. */
  readonly shareTunedBeatsOwn: number;
}

export type TreeScores = readonly ({ readonly auroc: number; readonly auprc: number } | null)[];

const methods = ['localOnly', 'federated', 'fineTuned', 'pastRate', 'logisticRegression'] as const;

const mean = (values: readonly number[]): number => values.reduce((sum, value) => sum + value, 0) / values.length;

/** Each judged merchant's mean over the seeds, by method. */
function byMerchant(results: readonly SeedResult[], metric: JobRow['metric']) {
  const merchants = results[0]!.length;
  return Array.from({ length: merchants }, (_, index) => {
    const seeds = results.map((result) => result[index]).filter((one): one is Compared => one !== undefined);
    if (seeds.length === 0) return undefined;
    return Object.fromEntries(
      methods.map((method) => [method, mean(seeds.map((one) => one[metric][method]!))]),
    ) as Record<(typeof methods)[number], number>;
  });
}

/** A data set's figures under both metrics. */
export function summarise(
  job: string,
  data: string,
  results: readonly SeedResult[],
  trees: readonly TreeScores[] | undefined,
): JobRow[] {
  return (['auroc', 'auprc'] as const).map((metric) => {
    const each = byMerchant(results, metric);
    const judged = each.filter((one) => one !== undefined);
    const over = (method: (typeof methods)[number]) => mean(judged.map((one) => one[method]));
    const own = over('localOnly');
    const [pastRate, logisticRegression] = [over('pastRate'), over('logisticRegression')];
    const treeValues = trees?.flatMap((seed) => seed.flatMap((one) => (one === null ? [] : [one[metric]])));
    return {
      job,
      data,
      metric,
      merchants: each.length,
      judged: judged.length,
      own,
      league: over('federated'),
      tuned: over('fineTuned'),
      pastRate,
      logisticRegression,
      bestBaseline: Math.max(pastRate, logisticRegression),
      trees: treeValues === undefined ? null : mean(treeValues),
      shareTunedBeatsOwn: mean(judged.map((one) => (one.fineTuned > one.localOnly ? 1 : 0))),
    };
  });
}

/** One line of the table for each merchant, and one for the mean. */
export function table(rows: readonly JobRow[], names: readonly string[], results: readonly SeedResult[]): string[] {
  const figure = (value: number | null) => (value === null ? '–' : value.toFixed(3)).padStart(9);
  const line = (name: string, values: readonly (number | null)[]) =>
    `  ${name.padEnd(16)}${values.map(figure).join('')}`;
  return rows.flatMap((row) => {
    const each = byMerchant(results, row.metric);
    const heads = ['own', 'league', 'tuned', 'past rate', 'logistic', 'trees'].map((head) => head.padStart(9));
    return [
      `${row.job} on ${row.data}, ${row.metric.toUpperCase()}, ${row.judged} of ${row.merchants} merchants judged; tuned above own for ${Math.round(100 * row.shareTunedBeatsOwn)} %`,
      `  ${''.padEnd(16)}${heads.join('')}`,
      ...names.flatMap((name, index) => {
        const of = each[index];
        return of === undefined
          ? []
          : [
              line(
                name.slice(0, 15),
                methods.map((method) => of[method]),
              ),
            ];
      }),
      line('mean', [row.own, row.league, row.tuned, row.pastRate, row.logisticRegression, row.trees]),
    ];
  });
}
