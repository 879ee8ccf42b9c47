import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { z } from 'zod';
import { Processes } from '../../endToEnd/processes.ts';
import { repositoryRoot } from '../../sourceCopy/repositoryRoot.ts';
import { type Peer, startPeer } from '../peers/peer.ts';
import type { BenchCase, BenchResult } from '../report.ts';
import { type DataSet, dataSets } from './dataSets.ts';
import type { benchedJobs, publicDataSets } from './names.ts';
import { runLeague } from './runLeague.ts';
import { type JobRow, summarise, type TreeScores, table } from './summary.ts';
import { type Merchant, writeMerchants } from './writeMerchants.ts';

const lightgbm: Peer = {
  name: 'LightGBM',
  packages: ['lightgbm==4.7.0', 'scikit-learn==1.9.1', 'pandas==3.1.1', 'numpy==2.4.6'],
};
const treesScript = new URL('boostedTrees.py', import.meta.url);

const treeScores = z.array(z.strictObject({ auroc: z.number(), auprc: z.number() }).nullable());

const say = (text: string) => process.stderr.write(`${text}\n`);

/**
 * What a league gives on public data of a job: real rounds of real processes with secure aggregation on, for each seed, and each node's own comparison on its
 * hold-out.
 *
 * With `peers` beside boosted trees that see all merchants' orders together. With `shuffled` every order has the outcome of another one of its merchant: then nothing
 * can be learned, and a gain would be a fault of the measurement.
 */
export async function benchJobs(options: {
  jobs: readonly (typeof benchedJobs)[number][];
  data: readonly (typeof publicDataSets)[number][];
  seeds: number;
  peers: boolean;
  shuffled: boolean;
}): Promise<BenchResult> {
  const { jobs, seeds, shuffled } = options;
  const dataFolder = process.env.HANSA_DATA ?? join(repositoryRoot, '../shared/data');
  const numbered = Array.from({ length: seeds }, (_, seed) => seed + 1);
  const rows: JobRow[] = [];
  for (const job of jobs) {
    for (const dataSet of dataSets.filter(({ name }) => options.data.includes(name))) {
      const folder = mkdtempSync(join(tmpdir(), 'hansa-bench-jobs-'));
      const processes = new Processes(folder);
      try {
        const began = performance.now();
        const merchants = await writeMerchants(dataSet, dataFolder, folder, shuffled);
        mkdirSync(join(folder, 'league'));
        const results = await runLeague(dataSet, merchants, numbered, {
          processes,
          folder: join(folder, 'league'),
          shuffled,
          say,
        });
        const trees = options.peers ? await boostedTrees(dataSet, merchants, numbered) : undefined;
        const found = summarise(job, dataSet.name, results, trees);
        rows.push(...found);
        for (const line of table(
          found,
          merchants.map(({ name }) => name),
          results,
        ))
          say(line);
        say(`${dataSet.name}: ${((performance.now() - began) / 60_000).toFixed(1)} min`);
      } finally {
        await processes.end();
        rmSync(folder, { recursive: true, force: true });
      }
    }
  }
  return { shuffled, seeds, jobs: rows, cases: rows.flatMap(casesOf) };
}

function casesOf({ job, data, metric, own, tuned }: JobRow): BenchCase[] {
  return [
    { name: `${job}/${data}, league tuned`, value: tuned, unit: metric, against: 'own data only', ratio: tuned / own },
  ];
}

async function boostedTrees(
  { numbers, categories, validFrom, testFrom }: DataSet,
  merchants: readonly Merchant[],
  seeds: readonly number[],
): Promise<TreeScores[]> {
  const peer = await startPeer(lightgbm, treesScript);
  try {
    const scores: TreeScores[] = [];
    for (const seed of seeds) {
      const folders = merchants.map(({ folder }) => folder);
      scores.push(
        treeScores.parse(await peer.ask(JSON.stringify({ folders, numbers, categories, validFrom, testFrom, seed }))),
      );
    }
    return scores;
  } finally {
    peer.end();
  }
}
