import type { RandomSource } from '../random/index.ts';
import { SecretBytes } from './secretBytes.ts';

/** One holder's share: the value at `x` of a polynomial whose value at 0 is the secret. */
export interface Share {
  /** 1..255. */
  readonly x: number;
  /** As long as the secret. */
  readonly bytes: SecretBytes;
}

/**
 * Multiplies four packed bytes by a public factor in GF(2^8) modulo x^8+x^4+x^3+x+1.
 *
 * Only the factor decides branches. The secret goes through shifts and masks alone, so the time it takes reveals nothing about the secret.
 */
function timesPublic(packed: number, factor: number): number {
  let power = packed;
  let product = 0;
  for (let bits = factor; bits !== 0; bits >>= 1) {
    if ((bits & 1) === 1) product ^= power;
    power = ((power & 0x7f7f7f7f) << 1) ^ Math.imul((power >>> 7) & 0x01010101, 0x1b);
  }
  return product;
}

/** The inverse of a public number in the field: a^254, the product of a^2, a^4, ..., a^128. */
function inversePublic(value: number): number {
  let inverse = 1;
  let power = value;
  for (let count = 0; count < 7; count++) {
    power = timesPublic(power, power) & 0xff;
    inverse = timesPublic(inverse, power) & 0xff;
  }
  return inverse;
}

/** Words in a buffer outside the garbage collector's heap: a small array would leave a copy of itself there. */
const newWords = (count: number): Uint32Array<ArrayBuffer> => new Uint32Array(new ArrayBuffer(4 * count));

const packed = (bytes: Uint8Array): Uint32Array => {
  const words = newWords(Math.ceil(bytes.length / 4));
  new Uint8Array(words.buffer).set(bytes);
  return words;
};

/**
 * Splits a secret into `count` shares at x = 1..count. Any `threshold` of them rebuild it; fewer reveal nothing.
 *
 * Cost: threshold·count field multiplications a byte. Source: Shamir 1979, over GF(2^8).
 *
 * @throws RangeError (unless 1 ≤ threshold ≤ count ≤ 255)
 */
export function splitSecret(secret: SecretBytes, threshold: number, count: number, random: RandomSource): Share[] {
  if (!Number.isInteger(threshold) || !Number.isInteger(count) || threshold < 1 || threshold > count || count > 255)
    throw new RangeError(`Shares must satisfy 1 <= threshold <= count <= 255, not ${threshold} of ${count}`);
  const constant = packed(secret.expose());
  const words = constant.length;
  // Coefficients from the highest power down, as Horner's rule reads them.
  const coefficients = newWords(words * (threshold - 1));
  if (threshold > 1) {
    const drawn = random.bytes(coefficients.byteLength);
    new Uint8Array(coefficients.buffer).set(drawn);
    drawn.fill(0);
  }
  const value = newWords(words);
  const shares: Share[] = [];
  for (let x = 1; x <= count; x++) {
    value.fill(0);
    for (let term = 0; term < threshold - 1; term++)
      for (let word = 0; word < words; word++)
        value[word] = timesPublic(value[word]! ^ coefficients[term * words + word]!, x);
    for (let word = 0; word < words; word++) value[word] = value[word]! ^ constant[word]!;
    shares.push({ x, bytes: new SecretBytes(new Uint8Array(value.buffer).slice(0, secret.length)) });
  }
  value.fill(0);
  coefficients.fill(0);
  constant.fill(0);
  return shares;
}

/**
 * The secret that `shares` rebuild by interpolation at 0. It is right when there are at least `threshold` shares and none was altered.
 *
 * A wrong share gives a wrong secret, not an error: compare with a commitment.
 *
 * @throws RangeError (for no shares, an x outside 1..255 or twice, or unequal lengths)
 */
export function combineShares(shares: readonly Share[]): SecretBytes {
  const length = shares[0]?.bytes.length;
  if (length === undefined) throw new RangeError('At least one share is needed');
  const seen = new Set<number>();
  for (const share of shares) {
    if (!Number.isInteger(share.x) || share.x < 1 || share.x > 255)
      throw new RangeError('A share has an x outside 1..255');
    if (seen.has(share.x)) throw new RangeError('Two shares have the same x');
    if (share.bytes.length !== length) throw new RangeError('Shares differ in length');
    seen.add(share.x);
  }
  const sum = newWords(Math.ceil(length / 4));
  for (const share of shares) {
    let numerator = 1;
    let denominator = 1;
    for (const other of shares) {
      if (other.x === share.x) continue;
      numerator = timesPublic(numerator, other.x) & 0xff;
      denominator = timesPublic(denominator, other.x ^ share.x) & 0xff;
    }
    const weight = timesPublic(numerator, inversePublic(denominator)) & 0xff;
    const words = packed(share.bytes.expose());
    for (let word = 0; word < words.length; word++) sum[word] = sum[word]! ^ timesPublic(words[word]!, weight);
    words.fill(0);
  }
  const secret = new SecretBytes(new Uint8Array(sum.buffer).slice(0, length));
  sum.fill(0);
  return secret;
}
