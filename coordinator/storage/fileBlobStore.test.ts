import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { readdir } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { blobStoreContract } from './blobStore.contract.ts';
import { FileBlobStore } from './fileBlobStore.ts';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(path.join(tmpdir(), 'hansa-blobs-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));
const leftovers = async () => (await readdir(path.join(folder, 'incoming'))).length;

describe('FileBlobStore', () => {
  blobStoreContract(() => FileBlobStore.open(folder), leftovers);

  it('clears away what another process left half-written', async () => {
    await FileBlobStore.open(folder);
    writeFileSync(path.join(folder, 'incoming', 'half'), 'x');
    await FileBlobStore.open(folder);
    expect(await leftovers()).toBe(0);
  });
});
