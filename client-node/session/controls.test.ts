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
/** This node's roster index, and another's. */
const member = 2;
const other = 5;

let folder: string;
let served: Map<string, Uint8Array>;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'hansa-controls-'));
  mkdirSync(join(folder, 'common'));
  served = new Map();
});
afterEach(() => rmSync(folder, { recursive: true }));

/** By member the newest round whose sum it is in. */
type LastRounds = Readonly<Record<number, number>>;

const fileOf = (lastRounds: LastRounds, of = taskId, size = length) =>
  encodeFile(
    controlManifest(size),
    controlMetadata({
      taskId: of,
      lastRounds: new Map(Object.entries(lastRounds).map(([index, round]) => [Number(index), round])),
    }),
    new Float32Array(size),
  );
/** This node's control variate of a round. */
const ownOf = (round: number) => fileOf({ [member]: round });

/** Stands for the node's process: a new one knows only what is on disk. */
const start = () => {
  const download = async ({ hash, path }: { hash: string; path: string }) => writeFileSync(path, served.get(hash)!);
  return new Controls(folder, openModelStore(join(folder, 'common'), { download }));
};

/** A round that begins with a c of these members' sums. */
function prepare(round: number, lastRounds: LastRounds, file = fileOf(lastRounds)) {
  const hash = createHash('sha256').update(file).digest();
  served.set(hash.toString('hex'), file);
  const controlHash = Object.keys(lastRounds).length === 0 ? noControl : new Uint8Array(hash);
  return start().prepare({ taskId, controlHash, length, round, member, signal: new AbortController().signal });
}

/** Has the node train for a round that begins with this c, and with cᵢ of the round `from`. */
async function train(round: number, lastRounds: LastRounds, from: number | undefined): Promise<void> {
  const { own, next, isLost } = await prepare(round, lastRounds);
  expect({ own: own && readFileSync(own), isLost }).toEqual({
    own: from === undefined ? undefined : Buffer.from(ownOf(from)),
    isLost: false,
  });
  writeFileSync(next, ownOf(round));
}

describe('Controls', () => {
  it('begins with c: zero in the first round, the members’ later on', async () => {
    expect(await prepare(1, {})).toMatchObject({ common: undefined, own: undefined, isLost: false });
    const { common, own, isLost } = await prepare(3, { [other]: 2 });
    expect(readFileSync(common!)).toEqual(Buffer.from(fileOf({ [other]: 2 })));
    expect({ own, isLost }).toEqual({ own: undefined, isLost: false });
  });

  it('goes on from the newest round whose sum has its update, whichever process trained it', async () => {
    await train(1, {}, undefined);
    // Round 2 trains and is given up; round 3 begins from the same.
    await train(2, { [member]: 1, [other]: 1 }, 1);
    // Round 3 commits without this node.
    await train(3, { [member]: 1, [other]: 1 }, 1);
    // Round 4 commits with it, and it hears of that only after round 5, which it missed.
    await train(4, { [member]: 1, [other]: 3 }, 1);
    await train(6, { [member]: 4, [other]: 5 }, 4);
    expect(readdirSync(join(folder, 'common'))).toHaveLength(1);
  });

  it('takes cᵢ⁺ of a round whose sum it is in without a signature: the quorum went on when it stopped after its upload', async () => {
    await train(1, {}, undefined);
    // The process ends here, and another begins: the journal has no signature for round 1, and c has the change.
    await train(2, { [member]: 1, [other]: 1 }, 1);
  });

  it('leaves cᵢ⁺ of a round that it signed and whose sum is not in c: its group’s was refused, and another group’s committed', async () => {
    await train(1, {}, undefined);
    await train(2, { [other]: 1 }, undefined);
    await train(3, { [member]: 2, [other]: 2 }, 2);
    await train(4, { [member]: 2, [other]: 3 }, 2);
  });

  it.each([
    ['is gone', undefined],
    ['is of an earlier round', ownOf(1)],
    ['is of a later round', ownOf(3)],
    ['is of another member', fileOf({ [other]: 2 })],
    ['is of another task', fileOf({ [member]: 2 }, 'another')],
    ['is of another length', fileOf({ [member]: 2 }, taskId, 5)],
    ['is cut short', ownOf(2).subarray(0, 40)],
    ['is no control variate', encodeFile(controlManifest(length), {}, new Float32Array(length))],
  ])('starts over with c, and says so, where its own %s', async (_, file) => {
    const path = join(folder, `${taskId}.safetensors`);
    if (file !== undefined) writeFileSync(path, file);
    expect(await prepare(4, { [member]: 2 })).toMatchObject({ own: undefined, isLost: true });
    writeFileSync(path, ownOf(2));
    expect(await prepare(4, { [member]: 2 })).toMatchObject({ own: path, isLost: false });
  });

  it('refuses a c that is not of the task, and one that tells of a sum that is still to come', async () => {
    const last = { [other]: 1 };
    for (const file of [fileOf(last, 'another'), fileOf(last, taskId, 3), fileOf({ [member]: 1, [other]: 2 })])
      await expect(prepare(2, last, file)).rejects.toMatchObject({ code: 'ModelMismatch' });
    await expect(prepare(2, last)).resolves.toMatchObject({ isLost: false });
  });

  it('forgets a task', async () => {
    await train(1, {}, undefined);
    await train(2, { [member]: 1 }, 1);
    const { own, next } = await prepare(3, { [member]: 1 });
    await start().forget(taskId);
    expect([own!, next].map((path) => existsSync(path))).toEqual([false, false]);
  });
});
