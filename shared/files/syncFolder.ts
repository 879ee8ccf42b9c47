import { open } from 'node:fs/promises';

/** Forces the names in a folder to disk, where the system can. */
export async function syncFolder(path: string): Promise<void> {
  // Windows opens no folders; its file system journals the rename itself.
  if (process.platform === 'win32') return;
  const folder = await open(path, 'r');
  try {
    await folder.sync();
  } finally {
    await folder.close();
  }
}
