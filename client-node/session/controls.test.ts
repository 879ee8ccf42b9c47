import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { encodeFile } from '@hansa/shared/numeric';
import { controlManifest, controlMetadata } from '@hansa/shared/protocol';
import { noControl } from '@hansa/shared/protocol/secagg';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { Controls } from './controls.ts';
import { openModelStore } from './modelStore.ts';

const taskId = 'some-task';
const length = 4;

let folder: string;
let served: Map<string, Uint8Array>;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'hansa-controls-'));
  mkdirSync(join(folder, 'common'));
  served = new Map();
});
afterEach(() => rmSync(folder, { recursive: true }));

const fileOf = (rounds: readonly number[], of = taskId, size = length) =>
  encodeFile(controlManifest(size), controlMetadata({ taskId: of, rounds }), new Float32Array(size));

/** Stands for the node's process: a new one knows only what is on disk. */
const start = () => {
  const download = async ({ hash, path }: { hash: string; path: string }) => writeFileSync(path, served.get(hash)!);
  return new Controls(folder, openModelStore(join(folder, 'common'), { download }));
};

/** A round that begins with a c made by these rounds; this node is in the sums of `signed`. */
function prepare(controls: Controls, rounds: readonly number[], signed: readonly number[], file = fileOf(rounds)) {
  const hash = createHash('sha256').update(file).digest();
  served.set(hash.toString('hex'), file);
  const controlHash = rounds.length === 0 ? noControl : new Uint8Array(hash);
  const { signal } = new AbortController();
  return controls.prepare({ taskId, controlHash, length, hasSigned: (round) => signed.includes(round), signal });
}

describe('Controls', () => {
  it('begins with c: zero in the first round, the members’ later on', async () => {
    expect(await prepare(start(), [], [])).toMatchObject({ common: undefined, own: undefined, isLost: false });
    const { common, own, isLost } = await prepare(start(), [1, 2], []);
    expect(readFileSync(common!)).toEqual(Buffer.from(fileOf([1, 2])));
    expect({ own, isLost }).toEqual({ own: undefined, isLost: false });
  });

  it('goes on from the newest round that this node is in the sum of, whichever process trained it', async () => {
    const first = await prepare(start(), [], []);
    writeFileSync(first.next, fileOf([1]));
    const second = await prepare(start(), [1], [1]);
    expect(second).toMatchObject({ own: expect.any(String), isLost: false });
    expect(readFileSync(second.own!)).toEqual(Buffer.from(fileOf([1])));
    // Round 2 trains and is given up; round 3 begins from the same.
    writeFileSync(second.next, fileOf([2]));
    const third = await prepare(start(), [1], [1, 2]);
    expect(readFileSync(third.own!)).toEqual(Buffer.from(fileOf([1])));
    // Round 3 commits without this node.
    writeFileSync(third.next, fileOf([3]));
    const fourth = await prepare(start(), [1, 3], [1, 2]);
    expect(fourth).toMatchObject({ own: third.own, isLost: false });
    // Round 4 commits with it, and it hears of that only after round 5, which it missed.
    writeFileSync(fourth.next, fileOf([4]));
    const sixth = await prepare(start(), [1, 3, 4, 5], [1, 2, 4]);
    expect(readFileSync(sixth.own!)).toEqual(Buffer.from(fileOf([4])));
    expect(readdirSync(join(folder, 'common'))).toHaveLength(1);
  });

  it.each([
    ['is gone', undefined],
    ['is of an earlier round', fileOf([1])],
    ['is of another task', fileOf([2], 'another')],
    ['is of another length', fileOf([2], taskId, 5)],
    ['is cut short', fileOf([2]).subarray(0, 40)],
    ['is no control variate', encodeFile(controlManifest(length), {}, new Float32Array(length))],
  ])('begins anew with c, and says so, where its own %s', async (_, file) => {
    const path = join(folder, `${taskId}.safetensors`);
    if (file !== undefined) writeFileSync(path, file);
    expect(await prepare(start(), [1, 2], [1, 2])).toMatchObject({ own: undefined, isLost: true });
    writeFileSync(path, fileOf([2]));
    expect(await prepare(start(), [1, 2], [1, 2])).toMatchObject({ own: path, isLost: false });
  });

  it('refuses a c that is not of the task', async () => {
    for (const file of [fileOf([1], 'another'), fileOf([1], taskId, 3)])
      await expect(prepare(start(), [1], [], file)).rejects.toMatchObject({ code: 'ModelMismatch' });
  });

  it('forgets a task', async () => {
    const { next } = await prepare(start(), [], []);
    writeFileSync(next, fileOf([1]));
    const { own } = await prepare(start(), [1], [1]);
    writeFileSync(next, fileOf([2]));
    await start().forget(taskId);
    expect([own!, next].map((path) => existsSync(path))).toEqual([false, false]);
  });
});
