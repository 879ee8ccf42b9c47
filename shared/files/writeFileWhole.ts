import { randomUUID } from 'node:crypto';
import { open, rename, rm } from 'node:fs/promises';
import { dirname } from 'node:path';
import { syncFolder } from './syncFolder.ts';

/** What a file is made of: texts in UTF-8, or bytes. */
type Pieces = AsyncIterable<string | Uint8Array> | Iterable<string | Uint8Array>;

/**
 * Writes pieces one after the other into a file, whole or not at all: into a temporary one beside it, forced to disk, renamed, and the name forced to disk.
 *
 * @param mode permission bits, of which the process's mask takes its part
 * @throws what the file system or `pieces` throw; nothing stays then
 */
export async function writeFileWhole(path: string, pieces: Pieces, mode: number): Promise<void> {
  const temporary = `${path}.${randomUUID()}.tmp`;
  try {
    const file = await open(temporary, 'wx', mode);
    try {
      for await (const piece of pieces) await file.writeFile(piece);
      await file.sync();
    } finally {
      await file.close();
    }
    await rename(temporary, path);
  } catch (error) {
    // Why the write failed says more than why what is left of it cannot be removed.
    await rm(temporary, { force: true }).catch(() => undefined);
    throw error;
  }
  await syncFolder(dirname(path));
}
