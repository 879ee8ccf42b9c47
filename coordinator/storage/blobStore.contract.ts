import { createHash } from 'node:crypto';
import { buffer } from 'node:stream/consumers';
import { beforeEach, expect, it } from 'vitest';
import type { BlobStore } from './blobStore.ts';

const content = new Uint8Array(1000).map((_, index) => index % 251);
const sha256 = createHash('sha256').update(content).digest('hex');

async function* chunks(...parts: Uint8Array[]) {
  yield* parts;
}

/** What every BlobStore must do. `open` opens the same store again; `leftovers` counts what it holds beside finished blobs. */
export function blobStoreContract(open: () => Promise<BlobStore>, leftovers: () => Promise<number>): void {
  let store: BlobStore;
  beforeEach(async () => {
    store = await open();
  });

  it('stores bytes under their hash and gives back any range', async () => {
    const facts = await store.put(chunks(content.subarray(0, 10), content.subarray(10)), { sha256 });
    expect(facts).toEqual({ sha256, sizeBytes: 1000 });
    store = await open();
    expect(await store.size(sha256)).toBe(1000);
    const range = await buffer(store.stream(sha256, 10, 19));
    expect(new Uint8Array(range)).toEqual(content.slice(10, 20));
    const reader = await store.open(sha256);
    const tail = new Uint8Array(5);
    await reader?.read(tail, 995);
    expect(tail).toEqual(content.slice(995));
    await expect(reader?.read(tail, 996)).rejects.toThrow(RangeError);
    await reader?.close();
  });

  it('lets a source use one buffer for all of its chunks', async () => {
    async function* reusing() {
      const chunk = new Uint8Array(100);
      for (let at = 0; at < content.length; at += 100) {
        chunk.set(content.subarray(at, at + 100));
        yield chunk;
      }
    }
    expect((await store.put(reusing())).sha256).toBe(sha256);
    expect(new Uint8Array(await buffer(store.stream(sha256, 0, 999)))).toEqual(content);
  });

  it('takes the same bytes again, and an empty blob', async () => {
    await store.put(chunks(content));
    expect(await store.put(chunks(content))).toEqual({ sha256, sizeBytes: 1000 });
    const empty = await store.put(chunks());
    expect(empty.sizeBytes).toBe(0);
    expect(new Set(await store.list())).toEqual(new Set([sha256, empty.sha256]));
    expect(await leftovers()).toBe(0);
  });

  it('does not know what was never stored or was deleted', async () => {
    expect(await store.size(sha256)).toBeUndefined();
    expect(await store.open(sha256)).toBeUndefined();
    await store.put(chunks(content));
    await store.delete(sha256);
    await store.delete(sha256);
    expect(await store.list()).toEqual([]);
    expect(await store.size(sha256)).toBeUndefined();
  });

  it.each([
    ['WrongHash', { sha256: '0'.repeat(64) }],
    ['PayloadTooLarge', { maxSizeBytes: 999 }],
  ])('refuses with %s and keeps nothing', async (code, expected) => {
    await expect(store.put(chunks(content), expected)).rejects.toMatchObject({ code });
    expect(await store.size(sha256)).toBeUndefined();
    expect(await leftovers()).toBe(0);
  });

  it('keeps nothing of a source that fails', async () => {
    async function* failing() {
      yield content;
      throw new RangeError('the line went dead');
    }
    await expect(store.put(failing())).rejects.toThrow('the line went dead');
    expect(await store.size(sha256)).toBeUndefined();
    expect(await leftovers()).toBe(0);
  });

  it('takes only a hash for a name', async () => {
    await expect(store.size('../hansa.db')).rejects.toThrow(RangeError);
  });

  it('can tell that it takes writes', async () => {
    await expect(store.assertWritable()).resolves.toBeUndefined();
    expect(await leftovers()).toBe(0);
  });
}
