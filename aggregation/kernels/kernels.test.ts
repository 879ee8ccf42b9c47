import { seededRandom } from '@hansa/shared/random';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { kernels, makeKernels } from './chosenKernels.ts';
import { blockValues, type Kernels, signsAt, sumAt, termsAt, tileSizeBytes, valuesAt, vectorAt } from './kernels.ts';
import { plainKernels } from './plainKernels.ts';

const simd = kernels();
const plain = plainKernels(0);
const noise = seededRandom('kernels').bytes(plain.memory.length);

/** Runs one call on both from the same memory, random where nothing is given; results and whole memories must agree. */
function expectTwins(
  places: readonly (readonly [at: number, bytes: Uint8Array])[],
  call: (kernels: Kernels) => unknown,
): { memory: Uint8Array; result: number } {
  const results = [simd, plain].map((one) => {
    one.memory.set(noise);
    for (const [at, bytes] of places) one.memory.set(bytes, at);
    return call(one);
  });
  expect(results[0]).toBe(results[1]);
  // A Buffer's comparison tells in microseconds what toEqual takes seconds for.
  expect(Buffer.compare(simd.memory, plain.memory)).toBe(0);
  return { memory: simd.memory, result: results[0] as number };
}

const bytesOf = (values: Float32Array | Uint32Array | Uint16Array): Uint8Array =>
  new Uint8Array(values.buffer, values.byteOffset, values.byteLength);

/** Words with the ring's ends among them, and any number of them: tails of every length. */
const words = (bits: 16 | 32) => {
  const top = 2 ** bits - 1;
  return fc.array(
    fc.oneof(
      fc.constantFrom(0, 1, 2 ** (bits - 1) - 1, 2 ** (bits - 1), top - 1, top),
      fc.integer({ min: 0, max: top }),
    ),
    { maxLength: 150, size: 'max' },
  );
};

/** An element's offset from a tile's start: kernels must not rely on more than a word's alignment. */
const shift = fc.integer({ min: 0, max: 9 });

const anyFloat = fc.oneof(
  fc.float({ noNaN: true, noDefaultInfinity: true }),
  fc.float({ min: -4, max: 4, noNaN: true }),
  fc.constantFrom(0, -0, 0.5, -0.5, 1.5, -1.5, 2 ** -149, 2 ** 31, -(2 ** 31), 3.4028234663852886e38),
);

/** Of sizes so near that none is lost in a sum of squares, and so far apart that each addition rounds: it shows in which order they are added. */
const near = fc
  .tuple(fc.integer({ min: 1_000_000, max: 2_000_000 }), fc.integer({ min: -8, max: 8 }))
  .map(([value, exponent]) => (value / 1_000_003) * 2 ** exponent);

const runs = { numRuns: 200, seed: 5 };

describe('the kernels', () => {
  it('are the compiled ones here', () => expect(simd.kind).toBe('simd'));

  it.each([0, 1, 1_000_000])('have memory for a vector of %i bytes, zero at first', (sizeBytes) => {
    const made = [makeKernels(sizeBytes), plainKernels(sizeBytes)];
    for (const { memory } of made) {
      expect(memory.length).toBeGreaterThanOrEqual(vectorAt + sizeBytes);
      expect(memory.subarray(vectorAt).every((byte) => byte === 0)).toBe(true);
    }
    expect(made[0]!.memory).toHaveLength(made[1]!.memory.length);
  });

  it.each([
    [32, 'addWords32', 1],
    [32, 'subtractWords32', -1],
    [16, 'addWords16', 1],
    [16, 'subtractWords16', -1],
  ] as const)('of %i bits: %s is its twin and wraps as the ring does', (bits, name, sign) => {
    const Words = bits === 32 ? Uint32Array : Uint16Array;
    fc.assert(
      fc.property(words(bits), words(bits), shift, (left, right, by) => {
        const count = Math.min(left.length, right.length);
        const [sums, terms] = [sumAt + by * (bits / 8), termsAt + 2 * by * (bits / 8)];
        for (const tiles of [0, 1, 2]) {
          const { memory } = expectTwins(
            [
              [sums, bytesOf(Words.from(left))],
              [terms, bytesOf(Words.from(right))],
              [terms + tileSizeBytes, bytesOf(Words.from(right.toReversed()))],
            ],
            (one) => one[name](sums, terms, count, tiles),
          );
          const got = new Words(memory.slice(sums, sums + (count * bits) / 8).buffer);
          for (let at = 0; at < count; at++) {
            const added = (tiles > 0 ? right[at]! : 0) + (tiles > 1 ? right.at(-1 - at)! : 0);
            expect(got[at]).toBe(Number(BigInt.asUintN(bits, BigInt(left[at]!) + BigInt(sign * added))));
          }
        }
      }),
      runs,
    );
  });

  it.each([
    [32, 'quantise32'],
    [16, 'quantise16'],
  ] as const)('to %i bits: %s is its twin, rounds to the nearest and stops at the limit', (bits, name) => {
    const Words = bits === 32 ? Int32Array : Int16Array;
    fc.assert(
      fc.property(
        fc.array(anyFloat, { maxLength: 70, size: 'max' }),
        fc.oneof(fc.constantFrom(1, 2 ** 28, 0.5), fc.double({ min: 1e-3, max: 1e9, noNaN: true })),
        fc.oneof(fc.constant(2 ** (bits - 1) - 1), fc.integer({ min: 1, max: 2 ** (bits - 1) - 1 })),
        shift,
        (numbers, factor, limit, by) => {
          const values = Float32Array.from(numbers);
          const at = sumAt + 4 * by;
          const { memory, result } = expectTwins([[valuesAt + 4 * by, bytesOf(values)]], (one) =>
            one[name](at, valuesAt + 4 * by, values.length, factor, limit),
          );
          expect(result).toBe(1);
          const got = new Words(memory.slice(at, at + (values.length * bits) / 8).buffer);
          for (const [index, value] of values.entries()) {
            const exact = Math.min(Math.max(value * factor, -limit), limit);
            expect(Math.abs(got[index]! - exact)).toBeLessThanOrEqual(0.5);
          }
        },
      ),
      runs,
    );
  });

  it.each(['quantise32', 'quantise16'] as const)(
    '%s tells one value that is not finite, wherever it stands',
    (name) => {
      for (const value of [Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY])
        for (let count = 1; count < 20; count++)
          for (let place = 0; place < count; place++) {
            const values = new Float32Array(count).fill(1);
            values[place] = value;
            const { result } = expectTwins([[valuesAt, bytesOf(values)]], (one) =>
              one[name](sumAt, valuesAt, count, 4, 100),
            );
            expect(result).toBe(0);
          }
    },
  );

  it('sumOfSquares is its twin and a sum of squares', () => {
    fc.assert(
      fc.property(fc.array(near, { maxLength: 70, size: 'max' }), shift, (numbers, by) => {
        const values = Float32Array.from(numbers);
        const at = valuesAt + 4 * by;
        const { result } = expectTwins([[at, bytesOf(values)]], (one) => one.sumOfSquares(at, values.length));
        const exact = values.reduce((total, value) => total + value * value, 0);
        expect(Math.abs(result - exact)).toBeLessThanOrEqual(1e-12 * exact);
      }),
      runs,
    );
  });

  it('flipSigns is its twin and turns the signs of the bits that are set', () => {
    fc.assert(
      fc.property(
        fc.array(anyFloat, { maxLength: 70, size: 'max' }),
        fc.uint8Array({ minLength: 10, maxLength: 10 }),
        (numbers, signs) => {
          const values = Float32Array.from(numbers);
          const { memory } = expectTwins(
            [
              [valuesAt, bytesOf(values)],
              [signsAt, signs],
            ],
            (one) => one.flipSigns(valuesAt, signsAt, values.length),
          );
          const got = new Float32Array(memory.slice(valuesAt, valuesAt + values.byteLength).buffer);
          for (const [index, value] of values.entries())
            expect(got[index]).toBe((signs[index >>> 3]! >>> (index & 7)) & 1 ? -value : value);
        },
      ),
      runs,
    );
  });

  it('scale is its twin', () => {
    fc.assert(
      fc.property(
        fc.array(anyFloat, { maxLength: 70, size: 'max' }),
        fc.double({ min: -8, max: 8, noNaN: true }),
        shift,
        (numbers, factor, by) => {
          const values = Float32Array.from(numbers);
          expectTwins([[valuesAt + 4 * by, bytesOf(values)]], (one) =>
            one.scale(valuesAt + 4 * by, values.length, factor),
          );
        },
      ),
      runs,
    );
  });

  it('adamW is its twin and a step of Adam', () => {
    const { max } = Math;
    fc.assert(
      fc.property(
        fc.array(fc.tuple(near, near, fc.boolean(), near, near), { maxLength: 30, size: 'max' }),
        fc.double({ min: 1e-3, max: 1, noNaN: true }),
        fc.double({ min: 1e-5, max: 0.1, noNaN: true }),
        fc.integer({ min: 1, max: 1000 }),
        fc.constantFrom(0, 0.01, 0.1),
        shift,
        (rows, factor, learningRate, steps, decay, by) => {
          const column = (values: readonly number[]) => Float32Array.from(values);
          const weights = column(rows.map(([weight]) => weight));
          const gradient = column(rows.map(([, slope, turned]) => (turned ? -slope : slope)));
          const mean = column(rows.map(([, , , mean]) => mean));
          const variance = column(rows.map(([, , , , variance]) => variance));
          const at = [0, 1, 2, 3].map((part) => valuesAt + 1024 * part + 4 * by) as [number, number, number, number];
          const rate = learningRate / (1 - 0.9 ** steps);
          const rootFactor = 1 / Math.sqrt(1 - 0.999 ** steps);
          const { memory } = expectTwins(
            [weights, gradient, mean, variance].map((values, part) => [at[part]!, bytesOf(values)]),
            (one) => one.adamW(...at, rows.length, factor, rate, rootFactor, 1 - learningRate * decay),
          );
          const got = at.map((from) => new Float32Array(memory.slice(from, from + 4 * rows.length).buffer));
          for (let row = 0; row < rows.length; row++) {
            const slope = factor * gradient[row]!;
            const m = 0.9 * mean[row]! + 0.1 * slope;
            const v = 0.999 * variance[row]! + 0.001 * slope * slope;
            const change = (rate * m) / (Math.sqrt(v) * rootFactor + 1e-8);
            const kept = weights[row]! * (1 - learningRate * decay);
            expect(got[1]![row]).toBe(gradient[row]);
            expect(Math.abs(got[2]![row]! - m)).toBeLessThan(5e-7 * max(Math.abs(slope), mean[row]!));
            expect(Math.abs(got[3]![row]! - v)).toBeLessThan(5e-7 * v);
            const cancelled = (rate * max(Math.abs(slope), mean[row]!)) / Math.sqrt(v);
            expect(Math.abs(got[0]![row]! - (kept - change))).toBeLessThan(1e-6 * max(kept, cancelled));
          }
        },
      ),
      runs,
    );
  });

  it('butterflies is its twin from every span, for every size that fits', () => {
    for (let count = 1; count <= blockValues; count *= 2)
      for (let span = 1; span <= count; span *= 2) {
        const values = Float32Array.from({ length: count }, (_, at) => Math.sin(at * at + span));
        expectTwins([[valuesAt, bytesOf(values)]], (one) => one.butterflies(valuesAt, count, span));
      }
  });

  it('butterflies from span 1 is the Walsh-Hadamard transform', () => {
    for (let count = 1; count <= 64; count *= 2) {
      const values = Float32Array.from({ length: count }, (_, at) => ((at * 7919) % 17) - 8);
      const { memory } = expectTwins([[valuesAt, bytesOf(values)]], (one) => one.butterflies(valuesAt, count, 1));
      const got = new Float32Array(memory.slice(valuesAt, valuesAt + 4 * count).buffer);
      const parity = (bits: number): number => (bits === 0 ? 0 : (bits & 1) ^ parity(bits >>> 1));
      for (let row = 0; row < count; row++)
        expect(got[row]).toBe(values.reduce((sum, value, at) => sum + (parity(row & at) ? -value : value), 0));
    }
  });
});
