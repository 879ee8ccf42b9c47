import { setTimeout as wait } from 'node:timers/promises';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { describe, expect, it } from 'vitest';
import { timeoutSignal } from './timeoutSignal.ts';

setFlagsFromString('--expose-gc');
const collectGarbage = runInNewContext('gc') as () => void;

describe('timeoutSignal', () => {
  it('aborts what waits for it alone or with another signal, whatever the garbage collector does meanwhile', async () => {
    const reasons: unknown[] = [];
    const listen = (signal: AbortSignal) => signal.addEventListener('abort', () => reasons.push(signal.reason.name));
    listen(timeoutSignal(60));
    listen(AbortSignal.any([new AbortController().signal, timeoutSignal(60)]));
    // In a task of its own: until then what this function made cannot be collected.
    await wait(1);
    collectGarbage();
    await wait(100);
    expect(reasons).toEqual(['TimeoutError', 'TimeoutError']);
  });
});
