/** One statistical test of one vector and how likely its outcome is if every word is uniform and independent. */
export interface UniformityTest {
  readonly name: string;
  readonly pValue: number;
}

/** What all tests of some vectors say together. */
export interface UniformityVerdict {
  readonly tests: number;
  /** The least likely outcome. */
  readonly worst: UniformityTest & { readonly vector: number };
  /** Bonferroni: the smallest p-value times the number of tests, at most 1. */
  readonly correctedPValue: number;
  /** Whether uniformity is rejected at {@link rejectBelow}. */
  readonly rejected: boolean;
}

/** The corrected p-value below which vectors count as not uniform. */
const rejectBelow = 1e-6;

/**
 * Tests whether vectors look like independent uniform 32-bit words (little-endian): bytes, bits, runs, serial correlation, distribution.
 *
 * Outcomes are those of the vectors alone: no random numbers are drawn.
 *
 * @throws RangeError (unless each vector has at least 256 words)
 */
export function uniformityOf(vectors: readonly Uint8Array[]): UniformityVerdict {
  let worst: UniformityVerdict['worst'] | undefined;
  let tests = 0;
  for (const [vector, bytes] of vectors.entries())
    for (const test of uniformityTests(bytes)) {
      tests += 1;
      if (worst === undefined || test.pValue < worst.pValue) worst = { ...test, vector };
    }
  if (worst === undefined) throw new RangeError('There is no vector to test');
  const correctedPValue = Math.min(1, worst.pValue * tests);
  return { tests, worst, correctedPValue, rejected: correctedPValue < rejectBelow };
}

/** Every test of one vector. */
export function uniformityTests(bytes: Uint8Array): readonly UniformityTest[] {
  if (bytes.length % 4 !== 0 || bytes.length < 1024) throw new RangeError('A vector of at least 256 words is needed');
  const words = new Uint32Array(Uint8Array.from(bytes).buffer);
  return [
    ...[0, 1, 2, 3].map((place) => ({ name: `byte ${place} frequencies`, pValue: byteFrequencies(words, 8 * place) })),
    ...Array.from({ length: 32 }, (_, bit) => ({ name: `bit ${bit} balance`, pValue: bitBalance(words, bit) })),
    { name: 'runs of the highest bit', pValue: runs(words, 31) },
    { name: 'runs of the lowest bit', pValue: runs(words, 0) },
    { name: 'serial correlation', pValue: serialCorrelation(words) },
    { name: 'Kolmogorov-Smirnov', pValue: kolmogorovSmirnov(words) },
  ];
}

/** Pearson's chi-square of 256 byte values against equal frequencies. */
function byteFrequencies(words: Uint32Array, shift: number): number {
  const counts = new Float64Array(256);
  for (const word of words) {
    const value = (word >>> shift) & 0xff;
    counts[value] = counts[value]! + 1;
  }
  const expected = words.length / 256;
  let statistic = 0;
  for (const count of counts) statistic += (count - expected) ** 2 / expected;
  return chiSquareTail(statistic, 255);
}

/** How far the ones of one bit are from half, in standard deviations. */
function bitBalance(words: Uint32Array, bit: number): number {
  let ones = 0;
  for (const word of words) ones += (word >>> bit) & 1;
  return normalTails((2 * ones - words.length) / Math.sqrt(words.length));
}

/** Wald and Wolfowitz: changes between neighbouring words in one bit; each is as likely as not. */
function runs(words: Uint32Array, bit: number): number {
  let changes = 0;
  for (let at = 1; at < words.length; at++) changes += ((words[at]! ^ words[at - 1]!) >>> bit) & 1;
  const places = words.length - 1;
  return normalTails((2 * changes - places) / Math.sqrt(places));
}

/** Correlation of each word with the next; of uniform ones it is normal with variance 1/n. */
function serialCorrelation(words: Uint32Array): number {
  let sum = 0;
  const centred = (word: number) => word / 2 ** 32 - 0.5;
  for (let at = 1; at < words.length; at++) sum += centred(words[at]!) * centred(words[at - 1]!);
  const places = words.length - 1;
  return normalTails((12 * sum) / Math.sqrt(places));
}

/** The largest distance between the words' distribution and the uniform one. Source: Stephens 1970, for finite samples. */
function kolmogorovSmirnov(words: Uint32Array): number {
  const sorted = Uint32Array.from(words).sort();
  const count = sorted.length;
  let distance = 0;
  for (let at = 0; at < count; at++) {
    const value = (sorted[at]! + 0.5) / 2 ** 32;
    distance = Math.max(distance, value - at / count, (at + 1) / count - value);
  }
  const root = Math.sqrt(count);
  const scaled = (root + 0.12 + 0.11 / root) * distance;
  // The series converges from about 0.3 on; below that the tail is 1 to many digits.
  if (scaled < 0.3) return 1;
  let tail = 0;
  for (let term = 1; term <= 100; term++)
    tail += 2 * (term % 2 === 1 ? 1 : -1) * Math.exp(-2 * term ** 2 * scaled ** 2);
  return Math.min(1, Math.max(0, tail));
}

/** P(|Z| > |z|) for a standard normal Z. */
export const normalTails = (z: number): number => chiSquareTail(z * z, 1);

/** P(X > statistic) for a chi-square X: the regularised upper incomplete gamma function. Source: Numerical Recipes, section 6.2. */
export function chiSquareTail(statistic: number, degreesOfFreedom: number): number {
  const shape = degreesOfFreedom / 2;
  const x = statistic / 2;
  if (x <= 0) return 1;
  const front = Math.exp(shape * Math.log(x) - x - logGamma(shape));
  if (x < shape + 1) {
    let term = 1 / shape;
    let sum = term;
    for (let step = 1; step < 10_000 && term > sum * 1e-17; step++) {
      term *= x / (shape + step);
      sum += term;
    }
    return Math.max(0, 1 - front * sum);
  }
  // Lentz's continued fraction.
  const tiny = 1e-300;
  let b = x + 1 - shape;
  let c = 1 / tiny;
  let d = 1 / b;
  let fraction = d;
  for (let step = 1; step < 10_000; step++) {
    const a = -step * (step - shape);
    b += 2;
    d = 1 / nonZero(a * d + b, tiny);
    c = nonZero(b + a / c, tiny);
    const factor = c * d;
    fraction *= factor;
    if (Math.abs(factor - 1) < 1e-16) break;
  }
  return front * fraction;
}

const nonZero = (value: number, tiny: number): number => (Math.abs(value) < tiny ? tiny : value);

/** Lanczos' approximation, good to 15 digits for positive arguments. */
function logGamma(x: number): number {
  const coefficients = [
    76.18009172947146, -86.50532032941678, 24.01409824083091, -1.231739572450155, 1.208650973866179e-3,
    -5.395239384953e-6,
  ];
  let series = 1.000000000190015;
  for (const [at, coefficient] of coefficients.entries()) series += coefficient / (x + at + 1);
  const shifted = x + 5.5;
  return Math.log((2.5066282746310007 * series) / x) - shifted + (x + 0.5) * Math.log(shifted);
}
