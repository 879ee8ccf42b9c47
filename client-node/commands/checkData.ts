import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { readNodeConfig } from '../config/nodeConfig.ts';
import { jobSource } from '../jobs/sources.ts';
import type { CommandContext } from './context.ts';
import { reportLines } from './reportLines.ts';

/** `check-data`: reads and cleans the data of every job as training does, and reports what it found. Makes no connection. */
export async function checkData(options: { config: string }, context: CommandContext): Promise<number> {
  const { output, signal } = context;
  const config = readNodeConfig(options.config);
  const scratchFolder = await mkdtemp(join(tmpdir(), 'hansa-check-'));
  try {
    const found = [];
    for (const entry of config.data) {
      const { rows, report } = await jobSource(entry.job).load(entry, config.baseFolder, {
        scratchFolder,
        signal,
        onProgress: (doing) => output.note(doing),
      });
      for (const line of [...report.summary, ...reportLines(report, { examples: true })]) output.line(line);
      found.push({ job: entry.job, rows, ...report.facts, findings: report.findings });
    }
    output.document(found.length === 1 ? found[0] : found);
    return 0;
  } finally {
    await rm(scratchFolder, { recursive: true, force: true });
  }
}
