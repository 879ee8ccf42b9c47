import { mkdir, readdir } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { HansaError } from '@hansa/shared/errors';
import type { DemoOptions } from './options.ts';

/** Makes the folders that a run writes to. @throws HansaError DataFolderUnusable */
export async function makeFolders({ out, json }: DemoOptions): Promise<void> {
  const make = async (folder: string, option: string): Promise<void> => {
    try {
      await mkdir(folder, { recursive: true });
    } catch (error) {
      throw new HansaError(
        'DataFolderUnusable',
        `${folder} cannot be written to: ${(error as Error).message}. Choose another with ${option}.`,
        {},
        { cause: error },
      );
    }
  };
  if (json !== undefined) await make(dirname(json), '--json');
  await make(dirname(out), '--out');
  try {
    // Not recursive: of two demos that start in one second only one gets the folder.
    await mkdir(out);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code !== 'EEXIST' || !(await isEmptyFolder(out))) {
      throw new HansaError(
        'DataFolderUnusable',
        `${out} cannot be used: ${code === 'EEXIST' ? 'it is there already and not an empty folder' : (error as Error).message}. Choose another with --out.`,
        {},
        { cause: error },
      );
    }
  }
  await make(join(out, 'nodes'), '--out');
  await make(join(out, 'consortium'), '--out');
}

async function isEmptyFolder(path: string): Promise<boolean> {
  return (await readdir(path).catch(() => ['not a folder'])).length === 0;
}
