import { setImmediate } from 'node:timers/promises';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { describe, expect, it } from 'vitest';
import { timeoutSignal } from './timeoutSignal.ts';

setFlagsFromString('--expose-gc');
const collectGarbage = runInNewContext('gc') as () => void;

const reasonOf = (signal: AbortSignal): Promise<unknown> =>
  new Promise((resolve) => signal.addEventListener('abort', () => resolve(signal.reason), { once: true }));

describe('timeoutSignal', () => {
  it('aborts what waits for it, alone or with another signal, even when the garbage collector runs before', async () => {
    const reasons = Promise.all([
      reasonOf(timeoutSignal(20)),
      reasonOf(AbortSignal.any([new AbortController().signal, timeoutSignal(20)])),
    ]);
    // In a task of its own: until then what this function made cannot be collected.
    await setImmediate();
    collectGarbage();
    expect(await reasons).toMatchObject([{ name: 'TimeoutError' }, { name: 'TimeoutError' }]);
  });
});
