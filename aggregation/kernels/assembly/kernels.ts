// AssemblyScript, compiled by ../build: what ../plain.ts does word by word, four to eight words at a time. Both give the same bits.
// Every argument that ends in `At` is a byte offset into the module's memory, a multiple of 4; counts are in elements.

// Bytes from one tile of terms to the next: `tileSizeBytes` of ../kernels.ts.
const stride: usize = 65536;

/** sum[i] += terms[i] of each tile, modulo 2^32. */
export function addWords32(sumAt: usize, termsAt: usize, count: usize, tiles: usize): void {
  addWords<u32>(sumAt, termsAt, count, tiles);
}

/** sum[i] -= terms[i] of each tile, modulo 2^32. */
export function subtractWords32(sumAt: usize, termsAt: usize, count: usize, tiles: usize): void {
  subtractWords<u32>(sumAt, termsAt, count, tiles);
}

/** sum[i] += terms[i] of each tile, modulo 2^16. */
export function addWords16(sumAt: usize, termsAt: usize, count: usize, tiles: usize): void {
  addWords<u16>(sumAt, termsAt, count, tiles);
}

/** sum[i] -= terms[i] of each tile, modulo 2^16. */
export function subtractWords16(sumAt: usize, termsAt: usize, count: usize, tiles: usize): void {
  subtractWords<u16>(sumAt, termsAt, count, tiles);
}

function addWords<Word>(sumAt: usize, termsAt: usize, count: usize, tiles: usize): void {
  const end = sumAt + count * sizeof<Word>();
  const vectors = sumAt + ((end - sumAt) & ~63);
  while (sumAt < vectors) {
    let first = v128.load(sumAt);
    let second = v128.load(sumAt, 16);
    let third = v128.load(sumAt, 32);
    let fourth = v128.load(sumAt, 48);
    const tilesEnd = termsAt + tiles * stride;
    for (let at = termsAt; at < tilesEnd; at += stride) {
      first = v128.add<Word>(first, v128.load(at));
      second = v128.add<Word>(second, v128.load(at, 16));
      third = v128.add<Word>(third, v128.load(at, 32));
      fourth = v128.add<Word>(fourth, v128.load(at, 48));
    }
    v128.store(sumAt, first);
    v128.store(sumAt, second, 16);
    v128.store(sumAt, third, 32);
    v128.store(sumAt, fourth, 48);
    sumAt += 64;
    termsAt += 64;
  }
  while (sumAt < end) {
    let sum = load<Word>(sumAt);
    const tilesEnd = termsAt + tiles * stride;
    for (let at = termsAt; at < tilesEnd; at += stride) sum = (sum + load<Word>(at)) as Word;
    store<Word>(sumAt, sum);
    sumAt += sizeof<Word>();
    termsAt += sizeof<Word>();
  }
}

function subtractWords<Word>(sumAt: usize, termsAt: usize, count: usize, tiles: usize): void {
  const end = sumAt + count * sizeof<Word>();
  const vectors = sumAt + ((end - sumAt) & ~63);
  while (sumAt < vectors) {
    let first = v128.load(sumAt);
    let second = v128.load(sumAt, 16);
    let third = v128.load(sumAt, 32);
    let fourth = v128.load(sumAt, 48);
    const tilesEnd = termsAt + tiles * stride;
    for (let at = termsAt; at < tilesEnd; at += stride) {
      first = v128.sub<Word>(first, v128.load(at));
      second = v128.sub<Word>(second, v128.load(at, 16));
      third = v128.sub<Word>(third, v128.load(at, 32));
      fourth = v128.sub<Word>(fourth, v128.load(at, 48));
    }
    v128.store(sumAt, first);
    v128.store(sumAt, second, 16);
    v128.store(sumAt, third, 32);
    v128.store(sumAt, fourth, 48);
    sumAt += 64;
    termsAt += 64;
  }
  while (sumAt < end) {
    let sum = load<Word>(sumAt);
    const tilesEnd = termsAt + tiles * stride;
    for (let at = termsAt; at < tilesEnd; at += stride) sum = (sum - load<Word>(at)) as Word;
    store<Word>(sumAt, sum);
    sumAt += sizeof<Word>();
    termsAt += sizeof<Word>();
  }
}

/** Four values as words: ⌊factor · value + ½⌋ within ±limit; a value that is not a number gives 0. */
function quantiseFour(values: v128, factor: v128, half: v128, low: v128, high: v128): v128 {
  const first = f64x2.mul(f64x2.promote_low_f32x4(values), factor);
  const second = f64x2.mul(f64x2.promote_low_f32x4(v128.shuffle<u32>(values, values, 2, 3, 2, 3)), factor);
  const lowWords = i32x4.trunc_sat_f64x2_s_zero(f64x2.min(f64x2.max(f64x2.floor(f64x2.add(first, half)), low), high));
  const highWords = i32x4.trunc_sat_f64x2_s_zero(f64x2.min(f64x2.max(f64x2.floor(f64x2.add(second, half)), low), high));
  return v128.shuffle<u32>(lowWords, highWords, 0, 1, 4, 5);
}

function quantiseOne(value: f32, factor: f64, limit: f64): i32 {
  const word = min(max(floor((value as f64) * factor + 0.5), -limit), limit);
  return i32x4.extract_lane(i32x4.trunc_sat_f64x2_s_zero(f64x2.splat(word)), 0);
}

/** words[i] = ⌊factor · values[i] + ½⌋ within ±limit, as i32; 1 where every value is finite, else 0. */
export function quantise32(wordsAt: usize, valuesAt: usize, count: usize, factor: f64, limit: f64): i32 {
  const factors = f64x2.splat(factor);
  const half = f64x2.splat(0.5);
  const low = f64x2.splat(-limit);
  const high = f64x2.splat(limit);
  let finite = i32x4.splat(-1);
  const vectors = valuesAt + ((count & ~3) << 2);
  const end = valuesAt + (count << 2);
  while (valuesAt < vectors) {
    const values = v128.load(valuesAt);
    finite = v128.and(finite, f32x4.lt(f32x4.abs(values), f32x4.splat(Infinity as f32)));
    v128.store(wordsAt, quantiseFour(values, factors, half, low, high));
    valuesAt += 16;
    wordsAt += 16;
  }
  let all = i32x4.all_true(finite);
  while (valuesAt < end) {
    const value = load<f32>(valuesAt);
    all = all && abs(value) < (Infinity as f32);
    store<i32>(wordsAt, quantiseOne(value, factor, limit));
    valuesAt += 4;
    wordsAt += 4;
  }
  return all as i32;
}

/** words[i] = ⌊factor · values[i] + ½⌋ within ±limit, as i16; 1 where every value is finite, else 0. `limit` ≤ 2^15 − 1. */
export function quantise16(wordsAt: usize, valuesAt: usize, count: usize, factor: f64, limit: f64): i32 {
  const factors = f64x2.splat(factor);
  const half = f64x2.splat(0.5);
  const low = f64x2.splat(-limit);
  const high = f64x2.splat(limit);
  let finite = i32x4.splat(-1);
  const vectors = valuesAt + ((count & ~7) << 2);
  const end = valuesAt + (count << 2);
  while (valuesAt < vectors) {
    const first = v128.load(valuesAt);
    const second = v128.load(valuesAt, 16);
    finite = v128.and(finite, f32x4.lt(f32x4.abs(first), f32x4.splat(Infinity as f32)));
    finite = v128.and(finite, f32x4.lt(f32x4.abs(second), f32x4.splat(Infinity as f32)));
    v128.store(
      wordsAt,
      i16x8.narrow_i32x4_s(
        quantiseFour(first, factors, half, low, high),
        quantiseFour(second, factors, half, low, high),
      ),
    );
    valuesAt += 32;
    wordsAt += 16;
  }
  let all = i32x4.all_true(finite);
  while (valuesAt < end) {
    const value = load<f32>(valuesAt);
    all = all && abs(value) < (Infinity as f32);
    store<i16>(wordsAt, quantiseOne(value, factor, limit) as i16);
    valuesAt += 4;
    wordsAt += 2;
  }
  return all as i32;
}

/** Σ values[i]², in f64 and in four lanes: lane l has the values with i ≡ l modulo 4; the sum is (l0 + l1) + (l2 + l3). */
export function sumOfSquares(valuesAt: usize, count: usize): f64 {
  let low = f64x2.splat(0);
  let high = f64x2.splat(0);
  const vectors = valuesAt + ((count & ~3) << 2);
  while (valuesAt < vectors) {
    const values = v128.load(valuesAt);
    const first = f64x2.promote_low_f32x4(values);
    const second = f64x2.promote_low_f32x4(v128.shuffle<u32>(values, values, 2, 3, 2, 3));
    low = f64x2.add(low, f64x2.mul(first, first));
    high = f64x2.add(high, f64x2.mul(second, second));
    valuesAt += 16;
  }
  let lane0 = f64x2.extract_lane(low, 0);
  let lane1 = f64x2.extract_lane(low, 1);
  let lane2 = f64x2.extract_lane(high, 0);
  const lane3 = f64x2.extract_lane(high, 1);
  const rest = count & 3;
  if (rest > 0) lane0 += square(load<f32>(valuesAt) as f64);
  if (rest > 1) lane1 += square(load<f32>(valuesAt, 4) as f64);
  if (rest > 2) lane2 += square(load<f32>(valuesAt, 8) as f64);
  return lane0 + lane1 + (lane2 + lane3);
}

function square(value: f64): f64 {
  return value * value;
}

/** Turns the sign of values[i] where bit i of the bytes at `signsAt` (lowest bit first) is set. */
export function flipSigns(valuesAt: usize, signsAt: usize, count: usize): void {
  const lowBits = i32x4(1, 2, 4, 8);
  const highBits = i32x4(16, 32, 64, 128);
  const signBit = i32x4.splat(0x8000_0000);
  const vectors = valuesAt + ((count & ~7) << 2);
  while (valuesAt < vectors) {
    const bits = i32x4.splat(load<u8>(signsAt));
    const low = v128.and(i32x4.eq(v128.and(bits, lowBits), lowBits), signBit);
    const high = v128.and(i32x4.eq(v128.and(bits, highBits), highBits), signBit);
    v128.store(valuesAt, v128.xor(v128.load(valuesAt), low));
    v128.store(valuesAt, v128.xor(v128.load(valuesAt, 16), high), 16);
    valuesAt += 32;
    signsAt += 1;
  }
  const rest = count & 7;
  for (let bit: usize = 0; bit < rest; bit++) {
    const at = valuesAt + (bit << 2);
    store<u32>(at, load<u32>(at) ^ (((load<u8>(signsAt) >>> (bit as u8)) as u32) << 31));
  }
}

/**
 * Butterflies (a, b) → (a + b, a − b) over spans `span`, 2·`span`, … below `count`: the Walsh-Hadamard transform, not normalised, where `span` is 1.
 *
 * `count` and `span` are powers of two, `span` ≤ `count`.
 */
export function butterflies(valuesAt: usize, count: usize, span: usize): void {
  const end = valuesAt + (count << 2);
  if (count < 4) {
    for (; span < count; span <<= 1) scalarStage(valuesAt, end, span << 2);
    return;
  }
  if (span === 1) {
    const pairSigns = f32x4(1, -1, 1, -1);
    const halfSigns = f32x4(1, 1, -1, -1);
    for (let at = valuesAt; at < end; at += 16) {
      const values = v128.load(at);
      const pairs = f32x4.add(v128.shuffle<u32>(values, values, 1, 0, 3, 2), f32x4.mul(values, pairSigns));
      v128.store(at, f32x4.add(v128.shuffle<u32>(pairs, pairs, 2, 3, 0, 1), f32x4.mul(pairs, halfSigns)));
    }
    span = 4;
  } else if (span === 2) {
    scalarStage(valuesAt, end, 8);
    span = 4;
  }
  for (; span << 1 < count; span <<= 2) twoStages(valuesAt, end, span << 2);
  if (span < count) oneStage(valuesAt, end, span << 2);
}

function scalarStage(start: usize, end: usize, spanBytes: usize): void {
  for (let block = start; block < end; block += spanBytes << 1) {
    for (let at = block; at < block + spanBytes; at += 4) {
      const first = load<f32>(at);
      const second = load<f32>(at + spanBytes);
      store<f32>(at, first + second);
      store<f32>(at + spanBytes, first - second);
    }
  }
}

function oneStage(start: usize, end: usize, spanBytes: usize): void {
  for (let block = start; block < end; block += spanBytes << 1) {
    const blockEnd = block + spanBytes;
    for (let at = block; at < blockEnd; at += 16) {
      const first = v128.load(at);
      const second = v128.load(at + spanBytes);
      v128.store(at, f32x4.add(first, second));
      v128.store(at + spanBytes, f32x4.sub(first, second));
    }
  }
}

// Two stages in one pass over the memory, in the order of two passes.
function twoStages(start: usize, end: usize, spanBytes: usize): void {
  const span2 = spanBytes << 1;
  const span3 = span2 + spanBytes;
  for (let block = start; block < end; block += spanBytes << 2) {
    const blockEnd = block + spanBytes;
    for (let at = block; at < blockEnd; at += 16) {
      const a = v128.load(at);
      const b = v128.load(at + spanBytes);
      const c = v128.load(at + span2);
      const d = v128.load(at + span3);
      const first = f32x4.add(a, b);
      const second = f32x4.sub(a, b);
      const third = f32x4.add(c, d);
      const fourth = f32x4.sub(c, d);
      v128.store(at, f32x4.add(first, third));
      v128.store(at + spanBytes, f32x4.add(second, fourth));
      v128.store(at + span2, f32x4.sub(first, third));
      v128.store(at + span3, f32x4.sub(second, fourth));
    }
  }
}

/** values[i] = factor · values[i]. */
export function scale(valuesAt: usize, count: usize, factor: f32): void {
  const factors = f32x4.splat(factor);
  const vectors = valuesAt + ((count & ~3) << 2);
  const end = valuesAt + (count << 2);
  for (; valuesAt < vectors; valuesAt += 16) v128.store(valuesAt, f32x4.mul(v128.load(valuesAt), factors));
  for (; valuesAt < end; valuesAt += 4) store<f32>(valuesAt, load<f32>(valuesAt) * factor);
}

/** A step of Adam with decoupled weight decay, in f32; `Kernels.adamW` of ../kernels.ts has the formula. */
export function adamW(
  weightsAt: usize,
  gradientAt: usize,
  meanAt: usize,
  varianceAt: usize,
  count: usize,
  factor: f32,
  rate: f32,
  rootFactor: f32,
  keep: f32,
): void {
  const factors = f32x4.splat(factor);
  const rates = f32x4.splat(rate);
  const rootFactors = f32x4.splat(rootFactor);
  const keeps = f32x4.splat(keep);
  const meanShares = f32x4.splat(0.1);
  const varianceKept = f32x4.splat(0.999);
  const varianceShares = f32x4.splat(0.001);
  const epsilons = f32x4.splat(1e-8);
  const vectors = weightsAt + ((count & ~3) << 2);
  const end = weightsAt + (count << 2);
  while (weightsAt < vectors) {
    const slope = f32x4.mul(factors, v128.load(gradientAt));
    const before = v128.load(meanAt);
    const mean = f32x4.add(before, f32x4.mul(meanShares, f32x4.sub(slope, before)));
    const variance = f32x4.add(
      f32x4.mul(varianceKept, v128.load(varianceAt)),
      f32x4.mul(varianceShares, f32x4.mul(slope, slope)),
    );
    v128.store(meanAt, mean);
    v128.store(varianceAt, variance);
    const change = f32x4.div(mean, f32x4.add(f32x4.mul(rootFactors, f32x4.sqrt(variance)), epsilons));
    v128.store(weightsAt, f32x4.sub(f32x4.mul(keeps, v128.load(weightsAt)), f32x4.mul(rates, change)));
    weightsAt += 16;
    gradientAt += 16;
    meanAt += 16;
    varianceAt += 16;
  }
  while (weightsAt < end) {
    const slope = factor * load<f32>(gradientAt);
    const before = load<f32>(meanAt);
    const mean: f32 = before + (0.1 as f32) * (slope - before);
    const variance: f32 = (0.999 as f32) * load<f32>(varianceAt) + (0.001 as f32) * (slope * slope);
    store<f32>(meanAt, mean);
    store<f32>(varianceAt, variance);
    const change: f32 = mean / (rootFactor * sqrt<f32>(variance) + (1e-8 as f32));
    store<f32>(weightsAt, keep * load<f32>(weightsAt) - rate * change);
    weightsAt += 4;
    gradientAt += 4;
    meanAt += 4;
    varianceAt += 4;
  }
}
