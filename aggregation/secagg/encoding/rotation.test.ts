import { createCipheriv } from 'node:crypto';
import type { SecAggConfig } from '@hansa/shared/protocol/secagg';
import { seededRandom } from '@hansa/shared/random';
import { describe, expect, it } from 'vitest';
import { leagueConfig } from '../testing/setting.ts';
import { coordinateBoundOf } from './fits.ts';
import { rotate, rotateBack, rotationSeed } from './rotation.ts';

const seedOf = (name: string | number) => seededRandom(`rotation/${name}`).bytes(32);

/** Numbers from −½ to ½. */
const random = (length: number, name: string | number = length): Float32Array =>
  Float32Array.from(new Int16Array(seededRandom(`values/${name}`).bytes(2 * length).buffer), (value) => value / 65_536);

const boundOf = (config: SecAggConfig): number => coordinateBoundOf(config, config.parts[0]!);

const normOf = (values: ArrayLike<number>): number => {
  let squares = 0;
  for (let at = 0; at < values.length; at++) squares += values[at]! * values[at]!;
  return Math.sqrt(squares);
};

/** The definition, in doubles and with the transform as plain recursion over halves: shares no code with what it checks. */
function defined(values: Float32Array, seed: Uint8Array, signsStart = 0): Float64Array {
  const length = values.length;
  const p = 2 ** Math.floor(Math.log2(length));
  const stream = createCipheriv('aes-256-ctr', seed, Buffer.alloc(16))
    .update(Buffer.alloc(signsStart + 32 + length))
    .subarray(signsStart);
  const transform = (of: number[]): number[] => {
    if (of.length === 1) return of;
    const half = of.length / 2;
    const [low, high] = [of.slice(0, half), of.slice(half)];
    return [
      ...transform(low.map((value, at) => value + high[at]!)),
      ...transform(low.map((value, at) => value - high[at]!)),
    ];
  };
  const result = Float64Array.from(values);
  const pass = (from: number, signs: number) => {
    const signed = [...result.subarray(from, from + p)].map((value, at) =>
      (stream[signs + (at >> 3)]! >> (at & 7)) & 1 ? -value : value,
    );
    result.set(
      transform(signed).map((value) => value / Math.sqrt(p)),
      from,
    );
  };
  pass(0, 0);
  if (p < length) pass(length - p, Math.max(16, p / 8));
  return result;
}

describe('the rotation', () => {
  it('is what it is defined to be, for lengths within a block and across blocks', () => {
    for (const length of [1, 2, 3, 4, 5, 7, 8, 31, 64, 100, 255, 1000, 65_536, 65_537, 131_072, 200_003]) {
      const values = random(length);
      const expected = defined(values, seedOf(length));
      rotate(values, seedOf(length));
      let worst = 0;
      for (let at = 0; at < length; at++) worst = Math.max(worst, Math.abs(values[at]! - expected[at]!));
      expect(worst).toBeLessThan(2e-6);
    }
  });

  it('is of each part on its own, the signs of all from one stream', () => {
    const lengths = [5, 1, 8, 300, 131_072, 77];
    const parts = lengths.map((length) => random(length));
    const whole = Float32Array.from(parts.flatMap((part) => [...part]));
    const values = whole.slice();
    rotate(values, seedOf('parts'), parts);
    let start = 0;
    let signsStart = 0;
    for (const part of parts) {
      const expected = defined(part, seedOf('parts'), signsStart);
      for (const [at, value] of expected.entries())
        if (Math.abs(values[start + at]! - value) > 2e-6) expect(values[start + at], `number ${at}`).toBe(value);
      const p = 2 ** Math.floor(Math.log2(part.length));
      signsStart += (p === part.length ? 1 : 2) * Math.max(16, p / 8);
      start += part.length;
    }
    rotateBack(values, seedOf('parts'), parts);
    expect(normOf(values.map((value, at) => value - whole[at]!))).toBeLessThan(1e-4);
  });

  it('keeps the norm and is turned back', () => {
    for (const length of [1, 3, 8, 13, 1000, 131_071, 131_072, 300_000]) {
      const before = random(length);
      const values = before.slice();
      rotate(values, seedOf(length));
      expect(Math.abs(normOf(values) / normOf(before) - 1)).toBeLessThan(2e-6);
      rotateBack(values, seedOf(length));
      let worst = 0;
      for (let at = 0; at < length; at++) worst = Math.max(worst, Math.abs(values[at]! - before[at]!));
      expect(worst).toBeLessThan(2e-6);
      rotate(values, seedOf(length));
      rotateBack(values, seedOf('another'));
      if (length > 8) expect(normOf(values.map((value, at) => value - before[at]!))).toBeGreaterThan(0.5);
    }
  });

  // Vectors that a single pass, or two with the same signs, would leave with a large number; lengths where the passes hardly and almost wholly overlap.
  const shapes: [string, (length: number) => Float32Array][] = [
    ['all in the first number', (length) => new Float32Array(length).fill(1, 0, 1)],
    ['all in the last number', (length) => new Float32Array(length).fill(1, length - 1)],
    ['all in the middle', (length) => new Float32Array(length).fill(1, length >> 1, (length >> 1) + 1)],
    ['even', (length) => new Float32Array(length).fill(1 / Math.sqrt(length))],
    ['alternating', (length) => Float32Array.from({ length }, (_, at) => (at % 2 ? -1 : 1) / Math.sqrt(length))],
    ['half in the tail', (length) => new Float32Array(length).fill(Math.SQRT1_2, length - 2)],
  ];

  it.each(shapes)('leaves every number of a vector that is %s with a variance of at most c²/p', (_, make) => {
    const draws = 3000;
    for (const length of [16, 17, 24, 31]) {
      const squares = new Float64Array(length);
      for (let draw = 0; draw < draws; draw++) {
        const values = make(length);
        rotate(values, seedOf(draw));
        for (let at = 0; at < length; at++) squares[at]! += values[at]! ** 2;
      }
      // The mean of 3,000 squares deviates by five of its standard deviations, √(2/3000), with a probability below 10^-6.
      expect(Math.max(...squares) / draws).toBeLessThan((1 / 16) * (1 + 5 * Math.sqrt(2 / draws)));
    }
  });

  it.each(shapes)('keeps every number of a vector that is %s within the bound that a node clamps to', (_, make) => {
    for (const length of [4096, 5000, 8191, 100_000]) {
      const bound = boundOf(leagueConfig(10, { wordBits: 16, clipNorm: 1, vectorLength: length }));
      expect(bound).toBeLessThan(0.15);
      for (let draw = 0; draw < 20; draw++) {
        const values = make(length);
        rotate(values, seedOf(draw));
        expect(values.reduce((most, value) => Math.max(most, Math.abs(value)), 0)).toBeLessThan(bound);
      }
    }
  });

  it('has a seed of its own for every configuration, model and round', () => {
    const config = leagueConfig(5);
    const model = new Uint8Array(32);
    const seeds = [
      rotationSeed(config, model, 1),
      rotationSeed(config, model, 2),
      rotationSeed(config, new Uint8Array(32).fill(1), 1),
      rotationSeed(leagueConfig(6), model, 1),
    ].map((seed) => Buffer.from(seed).toString('hex'));
    expect(new Set(seeds).size).toBe(4);
    expect(seeds[0]).toHaveLength(64);
  });
});
