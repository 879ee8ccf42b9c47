import { SecretBytes } from '@hansa/shared/crypto';
import { seededRandom } from '@hansa/shared/random';
import { afterEach, describe, expect, it } from 'vitest';
import { type LayoutConfig, layoutOf } from '../encoding/layout.ts';
import { expandMasks } from '../encoding/masks.ts';
import { leagueConfig } from '../testing/setting.ts';
import { MaskThreads } from './maskThreads.ts';

let threads: MaskThreads;
afterEach(() => threads.close());

const masksOf = (count: number) =>
  Array.from({ length: count }, (_, at) => ({
    key: new SecretBytes(seededRandom(`threads/${at}`).bytes(32)),
    sign: at % 3 === 0 ? (-1 as const) : (1 as const),
  }));

/** What comes of all parts; each byte of the vector must come once. */
async function expanded(config: LayoutConfig, count: number): Promise<Uint8Array> {
  const { sizeBytes } = layoutOf(config);
  const sum = new Uint8Array(sizeBytes);
  let taken = 0;
  await threads.expand(config, masksOf(count), (at, part) => {
    sum.set(part, at);
    taken += part.length;
  });
  expect(taken).toBe(sizeBytes);
  return sum;
}

// 20 masks of these are worth threads, one is not.
const configs = [16, 32].map((bits) => leagueConfig(5, { wordBits: bits as 16 | 32, vectorLength: 700_001 }));

describe('mask threads', () => {
  it('expand what one thread does, in either ring, again and again, and leave the keys as they are', async () => {
    threads = new MaskThreads(3);
    for (const config of configs)
      for (const count of [20, 1]) {
        const expected = expandMasks(config, masksOf(count));
        expect(Buffer.compare(await expanded(config, count), expected)).toBe(0);
      }
  });

  it('overwrite what they gave once it was taken', async () => {
    threads = new MaskThreads(2);
    const parts: Uint8Array[] = [];
    await threads.expand(configs[1]!, masksOf(20), (_, part) => parts.push(part));
    expect(parts.length).toBeGreaterThan(1);
    for (const part of parts) expect(part.every((byte) => byte === 0)).toBe(true);
  });

  it('end in a named error when a thread dies, and tell nothing afterwards', async () => {
    threads = new MaskThreads(2);
    let settled = false;
    const work = threads
      .expand(configs[1]!, masksOf(100), () => {
        expect(settled).toBe(false);
        void threads.close();
      })
      .finally(() => {
        settled = true;
      });
    await expect(work).rejects.toMatchObject({ code: 'ProcessFailed' });
    await expect(threads.expand(configs[1]!, masksOf(20), () => undefined)).rejects.toMatchObject({
      code: 'ProcessFailed',
    });
  });

  it('pass on what goes wrong where the parts are taken, stop when they are told to, and go on with the next work', async () => {
    threads = new MaskThreads(2);
    const broken = new Error('no place for it');
    const take = () => {
      throw broken;
    };
    await expect(threads.expand(configs[1]!, masksOf(20), take)).rejects.toBe(broken);
    const reason = new Error('the round is over');
    const stopped = AbortSignal.abort(reason);
    await expect(threads.expand(configs[1]!, masksOf(20), () => undefined, stopped)).rejects.toBe(reason);
    expect(Buffer.compare(await expanded(configs[1]!, 20), expandMasks(configs[1]!, masksOf(20)))).toBe(0);
  });
});
