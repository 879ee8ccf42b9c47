import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { seededRandom } from '../random/index.ts';
import { SecretBytes } from './secretBytes.ts';
import { combineShares, type Share, splitSecret } from './shamir.ts';

const secretOf = (bytes: Uint8Array) => new SecretBytes(Uint8Array.from(bytes));

/** The plain schoolbook product in GF(2^8) modulo x^8+x^4+x^3+x+1. */
function times(left: number, right: number): number {
  let product = 0;
  for (let bit = 0; bit < 8; bit++) if ((right >> bit) & 1) product ^= left << bit;
  for (let bit = 15; bit >= 8; bit--) if ((product >> bit) & 1) product ^= 0x11b << (bit - 8);
  return product;
}

describe('Shamir shares', () => {
  it('rebuild the secret from any threshold of them', () => {
    fc.assert(
      fc.property(
        fc.uint8Array({ minLength: 1, maxLength: 40 }),
        fc
          .integer({ min: 1, max: 255 })
          .chain((count) => fc.tuple(fc.constant(count), fc.integer({ min: 1, max: count }))),
        fc.integer(),
        (bytes, [count, threshold], seed) => {
          const shares = splitSecret(secretOf(bytes), threshold, count, seededRandom(seed));
          // Which ones: a seeded shuffle.
          const order = seededRandom(`${seed}/order`).bytes(count);
          const chosen = shares
            .map((share, at) => ({ share, key: order[at]! * 256 + at }))
            .sort((left, right) => left.key - right.key)
            .slice(0, threshold)
            .map(({ share }) => share);
          expect(combineShares(chosen).expose()).toEqual(bytes);
        },
      ),
      { numRuns: 60, seed: 1 },
    );
  });

  it('lie on the polynomial that the drawn coefficients make', () => {
    // One secret byte, threshold 3: f(x) = a2·x² + a1·x + secret, the coefficients drawn highest first.
    const drawn = seededRandom('coefficients').bytes(8);
    const shares = splitSecret(secretOf(Uint8Array.of(0xa7)), 3, 255, seededRandom('coefficients'));
    for (const { x, bytes } of shares)
      expect(bytes.expose()[0]).toBe(times(drawn[0]!, times(x, x)) ^ times(drawn[4]!, x) ^ 0xa7);
  });

  it('reveal nothing below the threshold: all secrets are equally likely', () => {
    // With t = 2, for one share each secret fits exactly one coefficient.
    const fitting = new Map<number, number>();
    for (let secret = 0; secret < 256; secret++)
      for (let coefficient = 0; coefficient < 256; coefficient++)
        if ((times(coefficient, 9) ^ secret) === 0x5c) fitting.set(secret, (fitting.get(secret) ?? 0) + 1);
    expect([...fitting.values()]).toEqual(Array(256).fill(1));
    expect(fitting.size).toBe(256);
  });

  it('give a wrong secret from too few or altered shares', () => {
    const secret = seededRandom('secret').bytes(32);
    const shares = splitSecret(secretOf(secret), 4, 6, seededRandom('split'));
    expect(combineShares(shares.slice(0, 3)).expose()).not.toEqual(secret);
    const altered: Share[] = shares.slice(0, 4);
    const bytes = Uint8Array.from(altered[2]!.bytes.expose());
    bytes[31] = bytes[31]! ^ 1;
    altered[2] = { x: altered[2]!.x, bytes: new SecretBytes(bytes) };
    expect(combineShares(altered).expose()).not.toEqual(secret);
  });

  it('refuse impossible thresholds, places and lengths', () => {
    const secret = secretOf(Uint8Array.of(1));
    for (const [threshold, count] of [
      [0, 3],
      [4, 3],
      [2, 256],
      [1.5, 3],
    ] as const)
      expect(() => splitSecret(secret, threshold, count, seededRandom(1))).toThrow(RangeError);
    const one = { x: 1, bytes: secretOf(Uint8Array.of(1)) };
    expect(() => combineShares([])).toThrow(RangeError);
    expect(() => combineShares([one, one])).toThrow(RangeError);
    expect(() => combineShares([{ ...one, x: 0 }])).toThrow(RangeError);
    expect(() => combineShares([one, { x: 2, bytes: secretOf(Uint8Array.of(1, 2)) }])).toThrow(RangeError);
  });
});
