import { inspect } from 'node:util';
import { describe, expect, it } from 'vitest';
import { SecretBytes } from './secretBytes.ts';

describe('SecretBytes', () => {
  it('never prints', () => {
    const secret = new SecretBytes(Uint8Array.of(222, 173, 190, 239));
    const prints = [
      String(secret),
      `${secret}`,
      JSON.stringify({ secret }),
      inspect(secret),
      inspect({ deep: { secret } }, { depth: 9, showHidden: true }),
      JSON.stringify(Object.entries(secret)),
    ];
    for (const print of prints) expect(print).not.toMatch(/222|173|de ?ad/i);
  });

  it('is zeros after a wipe, and refuses to be used', () => {
    const bytes = Uint8Array.of(1, 2, 3);
    const secret = new SecretBytes(bytes);
    expect(bytes).toEqual(new Uint8Array(3));
    const held = secret.expose();
    expect(held).toEqual(Uint8Array.of(1, 2, 3));
    secret.wipe();
    secret.wipe();
    expect(held).toEqual(new Uint8Array(3));
    expect(secret.wiped).toBe(true);
    expect(() => secret.expose()).toThrow(RangeError);
  });

  it('refuses what is not bytes', () => {
    expect(() => new SecretBytes(new Uint8Array(0))).toThrow(TypeError);
    expect(() => new SecretBytes('secret' as never)).toThrow(TypeError);
  });
});
