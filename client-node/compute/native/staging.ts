import { existsSync } from 'node:fs';
import { mkdir, rename, rm } from 'node:fs/promises';
import path from 'node:path';

/** What an install puts into the package's folder, in place of what is there. */
const parts = ['deps', 'lib'] as const;

/** Where an install makes them: in the package itself, so that moving one into place is one step of the file system. */
export const stagingFolder = (packageFolder: string): string => path.join(packageFolder, '.hansa-native');
/** The former parts; it is there from the moment at which the package's folder is touched. */
const formerFolder = (packageFolder: string): string => path.join(stagingFolder(packageFolder), 'before');

/** The parts in the staging folder become the package's; the former ones are kept until {@link discardStaging}. */
export async function putInPlace(packageFolder: string): Promise<void> {
  const former = formerFolder(packageFolder);
  await mkdir(former);
  for (const part of parts) {
    const place = path.join(packageFolder, part);
    if (existsSync(place)) await rename(place, path.join(former, part));
    await rename(path.join(stagingFolder(packageFolder), part), place);
  }
}

/** Puts the package's former parts back and removes the staging folder, wherever an install stopped or was killed, this function's own runs included. */
export async function undoStaging(packageFolder: string): Promise<void> {
  const former = formerFolder(packageFolder);
  if (existsSync(former)) {
    for (const part of parts) {
      const place = path.join(packageFolder, part);
      const made = path.join(stagingFolder(packageFolder), part);
      // It is moved back, not removed: that it lies here tells that what is in its place is the former part.
      if (!existsSync(made) && existsSync(place)) await rename(place, made);
      if (existsSync(path.join(former, part))) await rename(path.join(former, part), place);
    }
  }
  await discardStaging(packageFolder);
}

/** Removes the staging folder and the former parts with it. */
export async function discardStaging(packageFolder: string): Promise<void> {
  const staging = stagingFolder(packageFolder);
  const spent = `${staging}-spent`;
  // What cannot be removed, files that a running node has open on some file systems, the next install removes.
  const clear = () => rm(spent, { recursive: true, force: true }).catch(() => undefined);
  await clear();
  // In one step it is a staging folder no more: half of one would look like an install that was killed.
  if (existsSync(staging)) await rename(staging, spent);
  await clear();
}
