import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { readNodeConfig } from '../config/nodeConfig.ts';
import { describeCheck, checkData as readAndCheck } from '../data/index.ts';
import type { CommandContext } from './context.ts';

/** `check-data`: reads and cleans the order files as training would, and says what it found. Connects to nobody. */
export async function checkData(options: { config: string }, context: CommandContext): Promise<number> {
  const { output, signal } = context;
  const config = readNodeConfig(options.config);
  const scratchFolder = await mkdtemp(join(tmpdir(), 'hansa-check-'));
  try {
    const check = await readAndCheck(config.data, config.baseFolder, {
      scratchFolder,
      signal,
      onProgress: (doing) => output.note(doing),
    });
    for (const line of describeCheck(check)) output.line(line);
    output.document(check);
    return 0;
  } finally {
    await rm(scratchFolder, { recursive: true, force: true });
  }
}
