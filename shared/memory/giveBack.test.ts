import { describe, expect, it } from 'vitest';
import { giveBack } from './index.ts';

describe('giving memory back', () => {
  it('empties an array that shares its memory with nothing', () => {
    const bytes = new Uint8Array(100_000);
    giveBack(bytes);
    expect(bytes.length).toBe(0);
    expect(bytes.buffer.byteLength).toBe(0);
  });

  it('leaves memory that other arrays may use', () => {
    const whole = Uint8Array.from([1, 2, 3]);
    giveBack(whole.subarray(1));
    expect(whole).toEqual(Uint8Array.from([1, 2, 3]));
    const shared = new Uint8Array(new SharedArrayBuffer(8));
    giveBack(shared);
    expect(shared.length).toBe(8);
  });

  it('can be asked for twice', () => {
    const bytes = new Uint8Array(16);
    giveBack(bytes);
    giveBack(bytes);
    expect(bytes.length).toBe(0);
  });
});
