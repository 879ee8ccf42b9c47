import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { writeFileWhole } from '@hansa/shared/files';
import { readNodeConfig } from '../config/nodeConfig.ts';
import { type CheckedData, dataPage } from '../dataPage/dataPage.ts';
import { jobSource } from '../jobs/sources.ts';
import type { CommandContext } from './context.ts';
import { formatOf } from './makeForecasts.ts';
import { refuseExisting } from './refuseExisting.ts';
import { reportLines } from './reportLines.ts';
import { writingOut } from './writingOut.ts';

/** Permission bits of the page: for the merchant's own people. */
const MODE = 0o640;

/** `check-data`: reads and cleans the data of every job as training does, and reports what it found. Makes no connection. */
export async function checkData(
  options: { config: string; out?: string; overwrite?: boolean },
  context: CommandContext,
): Promise<number> {
  const { output, signal } = context;
  const { out } = options;
  if (out !== undefined) {
    formatOf(out, ['.html']);
    if (!options.overwrite) refuseExisting(out);
  }
  const config = readNodeConfig(options.config);
  const scratchFolder = await mkdtemp(join(tmpdir(), 'hansa-check-'));
  try {
    const found = [];
    const checked: CheckedData[] = [];
    for (const entry of config.data) {
      const { rows, report } = await jobSource(entry.job).load(entry, config.baseFolder, {
        scratchFolder,
        signal,
        onProgress: (doing) => output.note(doing),
      });
      for (const line of [...report.summary, ...reportLines(report, { examples: true })]) output.line(line);
      checked.push({ job: entry.job, report });
      found.push({ job: entry.job, rows, ...report.facts, findings: report.findings });
    }
    if (out !== undefined) {
      await writingOut(out, () => writeFileWhole(out, dataPage(checked), MODE));
      output.line(`${out}: the same as a page.`);
    }
    output.document(found.length === 1 ? found[0] : found);
    return 0;
  } finally {
    await rm(scratchFolder, { recursive: true, force: true });
  }
}
