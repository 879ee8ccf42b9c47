import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { collect, NameOf } from './collect.ts';
import type { DemoProcess } from './league/childProcess.ts';
import type { Pilot } from './league/pilots.ts';
import type { Training } from './league/train.ts';
import type { DemoOptions } from './options.ts';
import { renderReport } from './report/page.ts';
import { demoResultSchema } from './result.ts';

/** Writes the rounds' records, the report and the figures; gives the paths of the first two. */
export async function writeOutputs(
  { out, json }: DemoOptions,
  data: ReturnType<typeof collect>,
  { pilots, training }: { readonly pilots: readonly Pilot[]; readonly training: Training },
  nameOf: NameOf,
): Promise<{ records: string; report: string }> {
  const records = join(out, 'rounds.json');
  const report = join(out, 'report.html');
  const merchants = Object.fromEntries(
    [...new Set(training.rounds.flatMap(({ selected }) => selected))].map((client) => [client, nameOf(client)]),
  );
  const content = {
    formatVersion: 1,
    merchants,
    pilots: pilots.map((pilot) => ({
      learningRate: pilot.learningRate,
      validationLoss: pilot.validationLoss,
      rounds: pilot.training.rounds,
    })),
    rounds: training.rounds,
  };
  await writeFile(records, `${JSON.stringify(content, null, 2)}\n`);
  await writeFile(report, renderReport(data));
  const figures = `${JSON.stringify(demoResultSchema.parse(data.result), null, 2)}\n`;
  await writeFile(join(out, 'demo.json'), figures);
  if (json !== undefined) await writeFile(json, figures);
  return { records, report };
}

/** Writes the numbers of the processes that are left running, and gives the file's path. */
export async function writeProcessIds(out: string, processes: readonly (DemoProcess | undefined)[]): Promise<string> {
  const path = join(out, 'pids');
  const running = processes.flatMap((each) => (each?.running() ? [each.pid] : []));
  await writeFile(path, `${running.join(' ')}\n`);
  return path;
}
