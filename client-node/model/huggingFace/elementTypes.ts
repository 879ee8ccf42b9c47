/** Element types of public weights that become 32-bit floats without loss, with the bytes of one element. */
const floatSizesBytes = { F32: 4, F16: 2, BF16: 2 } as const;
export type FloatType = keyof typeof floatSizesBytes;

/** The types that can be read, in words. */
export const floatTypesInWords = Object.keys(floatSizesBytes).join(', ');

/** Whether the elements of this type can be read. */
export const isFloatType = (dtype: string): dtype is FloatType => Object.hasOwn(floatSizesBytes, dtype);

/**
 * Little-endian elements as 32-bit floats; every value is kept exactly, infinities and NaN too.
 *
 * @param bytes a whole number of elements, at the start of their buffer
 */
export function toFloat32(bytes: Uint8Array<ArrayBuffer>, dtype: FloatType): Float32Array {
  const count = bytes.length / floatSizesBytes[dtype];
  if (dtype === 'F32') return new Float32Array(bytes.buffer, bytes.byteOffset, count);
  const halves = new Uint16Array(bytes.buffer, bytes.byteOffset, count);
  const values = new Float32Array(count);
  if (dtype === 'F16') {
    for (let index = 0; index < count; index++) values[index] = halfToNumber(halves[index]!);
    return values;
  }
  // A bfloat16 is the upper half of a 32-bit float.
  const words = new Uint32Array(values.buffer);
  for (let index = 0; index < count; index++) words[index] = halves[index]! << 16;
  return values;
}

/** The value of an IEEE 754 half: sign, five bits of exponent with a bias of 15, ten of fraction. */
function halfToNumber(half: number): number {
  const sign = half & 0x8000 ? -1 : 1;
  const exponent = (half >> 10) & 31;
  const fraction = half & 1023;
  if (exponent === 0) return sign * fraction * 2 ** -24;
  if (exponent === 31) return fraction === 0 ? sign * Number.POSITIVE_INFINITY : Number.NaN;
  return sign * (1024 + fraction) * 2 ** (exponent - 25);
}
