import { describe, expect, it } from 'vitest';
import { toFloat32 } from './elementTypes.ts';

const bytesOf = (...halves: number[]) => new Uint8Array(Uint16Array.from(halves).buffer);

describe('toFloat32', () => {
  // IEEE 754-2019, binary16.
  it.each([
    [0x3c00, 1],
    [0xc000, -2],
    [0x3555, 0.333251953125],
    [0x7bff, 65504],
    [0x0400, 2 ** -14],
    [0x03ff, 1023 * 2 ** -24],
    [0x0001, 2 ** -24],
    [0x8000, -0],
    [0x7c00, Number.POSITIVE_INFINITY],
    [0xfc00, Number.NEGATIVE_INFINITY],
    [0x7e00, Number.NaN],
  ])('takes the half 0x%s', (half, value) => {
    expect(toFloat32(bytesOf(half), 'F16')[0]).toBe(value);
  });

  it.each([
    [0x3f80, 1],
    [0xbfc0, -1.5],
    [0x4049, 3.140625],
    [0x0001, 2 ** -133],
    [0xff80, Number.NEGATIVE_INFINITY],
    [0x7fc0, Number.NaN],
  ])('takes the bfloat16 0x%s', (half, value) => {
    expect(toFloat32(bytesOf(half), 'BF16')[0]).toBe(value);
  });

  it('takes 32-bit floats as they are, bit for bit', () => {
    const values = Float32Array.of(1e-40, -0, 3.4e38, 0.1);
    expect(toFloat32(new Uint8Array(values.buffer.slice(0)), 'F32')).toEqual(values);
  });
});
