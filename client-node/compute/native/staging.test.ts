import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { discardStaging, putInPlace, stagingFolder, undoStaging } from './staging.ts';

/** Steps to the file system that are still taken before the process is killed. */
const life = vi.hoisted(() => ({ steps: Number.POSITIVE_INFINITY }));

vi.mock('node:fs/promises', async (original) => {
  const real = await original<typeof import('node:fs/promises')>();
  const step =
    <Given extends unknown[]>(take: (...given: Given) => Promise<unknown>, half?: (...given: Given) => void) =>
    async (...given: Given) => {
      if (life.steps-- > 0) return take(...given);
      half?.(...given);
      throw new Error('killed');
    };
  const halfRemove = (folder: string) => {
    for (const part of ['before/deps', 'lib']) rmSync(path.join(folder, part), { recursive: true, force: true });
  };
  return { ...real, mkdir: step(real.mkdir), rename: step(real.rename), rm: step(real.rm, halfRemove as never) };
});

/** Tells whether `work` was killed at its step `at`, counted from 0. */
async function killedAt(at: number, work: () => Promise<void>): Promise<boolean> {
  life.steps = at;
  try {
    await work();
    return false;
  } catch (error) {
    if ((error as Error).message !== 'killed') throw error;
    return true;
  } finally {
    life.steps = Number.POSITIVE_INFINITY;
  }
}

let packageFolder: string;
beforeEach(() => {
  packageFolder = mkdtempSync(path.join(tmpdir(), 'hansa-staging-'));
});
afterEach(() => rmSync(packageFolder, { recursive: true }));

const write = (folder: string, part: string, content: string) => {
  mkdirSync(path.join(folder, part), { recursive: true });
  writeFileSync(path.join(folder, part, 'file'), content);
};
const found = () =>
  readdirSync(packageFolder)
    .sort()
    .map((part) => [part, readFileSync(path.join(packageFolder, part, 'file'), 'utf8')]);

/** The parts of a package; as many as were there. */
const both = ['deps', 'lib'];
const before = [both, ['deps'], []];

function begin(parts: readonly string[]): void {
  for (const folder of readdirSync(packageFolder)) rmSync(path.join(packageFolder, folder), { recursive: true });
  for (const part of parts) write(packageFolder, part, 'former');
  for (const part of both) write(stagingFolder(packageFolder), part, 'new');
}

describe.each(before.map((parts) => [parts.join(' and ') || 'nothing', parts] as const))(
  'a package that has %s',
  (_name, parts) => {
    const former = parts.map((part) => [part, 'former']);
    const renewed = both.map((part) => [part, 'new']);

    it('gets the new parts and keeps the former ones until they are discarded', async () => {
      begin(parts);
      await putInPlace(packageFolder);
      for (const part of parts)
        expect(readFileSync(path.join(stagingFolder(packageFolder), 'before', part, 'file'), 'utf8')).toBe('former');
      await discardStaging(packageFolder);
      expect(found()).toEqual(renewed);
    });

    it('is as it was wherever the putting in place was killed, and the undoing too', async () => {
      const put = () => putInPlace(packageFolder);
      const undo = () => undoStaging(packageFolder);
      let kills = 0;
      for (let at = 0, killed = true; killed; at++) {
        // The last time around nothing is killed: then a proof fails.
        for (let again = 0, killedAgain = true; killedAgain; again++) {
          begin(parts);
          killed = await killedAt(at, put);
          killedAgain = await killedAt(again, undo);
          await undo();
          expect(found(), `killed at ${at}, then at ${again}`).toEqual(former);
          kills++;
        }
      }
      expect(kills).toBeGreaterThan(10);
    });

    it('is as it was where the new parts were not all made yet', async () => {
      begin(parts);
      rmSync(path.join(stagingFolder(packageFolder), 'lib'), { recursive: true });
      await undoStaging(packageFolder);
      expect(found()).toEqual(former);
    });

    it('keeps the new parts wherever the discarding was killed, once it has begun', async () => {
      for (let at = 0, killed = true; killed; at++) {
        begin(parts);
        await putInPlace(packageFolder);
        killed = await killedAt(at, () => discardStaging(packageFolder));
        const hasBegun = !existsSync(stagingFolder(packageFolder));
        await undoStaging(packageFolder);
        expect(found(), `killed at ${at}`).toEqual(hasBegun ? renewed : former);
      }
    });
  },
);
