import { type Kernels, memoryPagesFor, tileSizeBytes } from './kernels.ts';

/** The kernels' twin in plain TypeScript: what they are tested against, and what runs where SIMD does not. */
export function plainKernels(vectorSizeBytes: number): Kernels {
  const buffer = new ArrayBuffer(65_536 * memoryPagesFor(vectorSizeBytes));
  const u32 = (at: number, count: number) => new Uint32Array(buffer, at, count);
  const u16 = (at: number, count: number) => new Uint16Array(buffer, at, count);
  const f32 = (at: number, count: number) => new Float32Array(buffer, at, count);
  return {
    kind: 'plain',
    memory: new Uint8Array(buffer),
    addWords32: (sumAt, termsAt, count, tiles) => {
      for (let tile = 0; tile < tiles; tile++) add(u32(sumAt, count), u32(termsAt + tile * tileSizeBytes, count));
    },
    subtractWords32: (sumAt, termsAt, count, tiles) => {
      for (let tile = 0; tile < tiles; tile++) subtract(u32(sumAt, count), u32(termsAt + tile * tileSizeBytes, count));
    },
    addWords16: (sumAt, termsAt, count, tiles) => {
      for (let tile = 0; tile < tiles; tile++) add(u16(sumAt, count), u16(termsAt + tile * tileSizeBytes, count));
    },
    subtractWords16: (sumAt, termsAt, count, tiles) => {
      for (let tile = 0; tile < tiles; tile++) subtract(u16(sumAt, count), u16(termsAt + tile * tileSizeBytes, count));
    },
    quantise32: (wordsAt, valuesAt, count, factor, limit) =>
      quantise(new Int32Array(buffer, wordsAt, count), f32(valuesAt, count), factor, limit),
    quantise16: (wordsAt, valuesAt, count, factor, limit) =>
      quantise(new Int16Array(buffer, wordsAt, count), f32(valuesAt, count), factor, limit),
    sumOfSquares: (valuesAt, count) => sumOfSquares(f32(valuesAt, count)),
    flipSigns: (valuesAt, signsAt, count) =>
      flipSigns(u32(valuesAt, count), new Uint8Array(buffer, signsAt, Math.ceil(count / 8))),
    butterflies: (valuesAt, count, span) => butterflies(f32(valuesAt, count), span),
    scale: (valuesAt, count, factor) => scale(f32(valuesAt, count), factor),
    adamW: (weightsAt, gradientAt, meanAt, varianceAt, count, ...factors) =>
      adamW(f32(weightsAt, count), f32(gradientAt, count), f32(meanAt, count), f32(varianceAt, count), ...factors),
  };
}

function add(sum: Uint32Array | Uint16Array, terms: Uint32Array | Uint16Array): void {
  for (let index = 0; index < sum.length; index++) sum[index] = sum[index]! + terms[index]!;
}

function subtract(sum: Uint32Array | Uint16Array, terms: Uint32Array | Uint16Array): void {
  for (let index = 0; index < sum.length; index++) sum[index] = sum[index]! - terms[index]!;
}

function quantise(words: Int32Array | Int16Array, values: Float32Array, factor: number, limit: number): number {
  let finite = 1;
  for (let index = 0; index < values.length; index++) {
    const value = values[index]!;
    if (!Number.isFinite(value)) finite = 0;
    words[index] = Math.min(Math.max(Math.floor(value * factor + 0.5), -limit), limit);
  }
  return finite;
}

function sumOfSquares(values: Float32Array): number {
  const lanes: [number, number, number, number] = [0, 0, 0, 0];
  for (let index = 0; index < values.length; index++) lanes[index & 3]! += values[index]! * values[index]!;
  return lanes[0] + lanes[1] + (lanes[2] + lanes[3]);
}

function flipSigns(bits: Uint32Array, signs: Uint8Array): void {
  for (let index = 0; index < bits.length; index++)
    bits[index] = bits[index]! ^ (((signs[index >>> 3]! >>> (index & 7)) & 1) << 31);
}

function butterflies(values: Float32Array, firstSpan: number): void {
  for (let span = firstSpan; span < values.length; span *= 2)
    for (let block = 0; block < values.length; block += 2 * span)
      for (let index = block; index < block + span; index++) {
        const first = values[index]!;
        const second = values[index + span]!;
        values[index] = first + second;
        values[index + span] = first - second;
      }
}

function scale(values: Float32Array, factor: number): void {
  const rounded = Math.fround(factor);
  for (let index = 0; index < values.length; index++) values[index] = values[index]! * rounded;
}

function adamW(
  weights: Float32Array,
  gradient: Float32Array,
  mean: Float32Array,
  variance: Float32Array,
  ...factors: [factor: number, rate: number, rootFactor: number, keep: number]
): void {
  const f = Math.fround;
  const [factor, rate, rootFactor, keep] = factors.map(f) as typeof factors;
  const [meanShare, varianceKept, varianceShare, epsilon] = [f(0.1), f(0.999), f(0.001), f(1e-8)];
  // One rounding to f32 of a sum, product, quotient or root of f32 values in f64 is the rounding that f32 arithmetic makes.
  for (let index = 0; index < weights.length; index++) {
    const slope = f(factor * gradient[index]!);
    const m = f(mean[index]! + f(meanShare * f(slope - mean[index]!)));
    const v = f(f(varianceKept * variance[index]!) + f(varianceShare * f(slope * slope)));
    mean[index] = m;
    variance[index] = v;
    const change = f(m / f(f(rootFactor * f(Math.sqrt(v))) + epsilon));
    weights[index] = f(f(keep * weights[index]!) - f(rate * change));
  }
}
