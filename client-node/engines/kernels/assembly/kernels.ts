// AssemblyScript, compiled as ../build says: the dense pieces of a training step on float32 in the wasm engine's own memory.
// Every argument that ends in `At` is a byte offset, strides and sizes are in elements. Built twice: with fused multiply-add and without.

// Rows and columns of C that stay in registers: twelve accumulators, two vectors of B and one number of A fill the fifteen registers that V8 leaves.
const tileRows: usize = 6;
const tileColumns: usize = 8;
// A panel of B (12 KB) and one of A (9 KB) stay in the first cache, a block of A (150 KB) in the second.
const depthBlock: usize = 384;
const rowBlock: usize = 96;
const columnBlock: usize = 1536;

// Scratch, in bytes from where the caller put it.
const packedA: usize = 0;
const packedB: usize = packedA + rowBlock * depthBlock * 4;
const startRow: usize = packedB + columnBlock * depthBlock * 4;
const edgeTile: usize = startRow + columnBlock * 4;
const scratchEnd: usize = edgeTile + tileRows * tileColumns * 4;

/** Bytes of scratch that `multiply` needs. */
export function scratchSizeBytes(): usize {
  return scratchEnd;
}

function madd(a: v128, b: v128, c: v128): v128 {
  if (ASC_FEATURE_RELAXED_SIMD) return f32x4.relaxed_madd(a, b, c);
  return f32x4.add(f32x4.mul(a, b), c);
}

/** C = start + A · B for one tile: A in panels of 6 a step, B of 8. */
function tile(
  depth: usize,
  aAt: usize,
  bAt: usize,
  startAt: usize,
  startStride: usize,
  cAt: usize,
  cStride: usize,
): void {
  let c00 = v128.load(startAt);
  let c01 = v128.load(startAt, 16);
  startAt += startStride;
  let c10 = v128.load(startAt);
  let c11 = v128.load(startAt, 16);
  startAt += startStride;
  let c20 = v128.load(startAt);
  let c21 = v128.load(startAt, 16);
  startAt += startStride;
  let c30 = v128.load(startAt);
  let c31 = v128.load(startAt, 16);
  startAt += startStride;
  let c40 = v128.load(startAt);
  let c41 = v128.load(startAt, 16);
  startAt += startStride;
  let c50 = v128.load(startAt);
  let c51 = v128.load(startAt, 16);
  const end = bAt + (depth << 5);
  while (bAt < end) {
    const b0 = v128.load(bAt);
    const b1 = v128.load(bAt, 16);
    const a0 = v128.load32_splat(aAt);
    c00 = madd(a0, b0, c00);
    c01 = madd(a0, b1, c01);
    const a1 = v128.load32_splat(aAt, 4);
    c10 = madd(a1, b0, c10);
    c11 = madd(a1, b1, c11);
    const a2 = v128.load32_splat(aAt, 8);
    c20 = madd(a2, b0, c20);
    c21 = madd(a2, b1, c21);
    const a3 = v128.load32_splat(aAt, 12);
    c30 = madd(a3, b0, c30);
    c31 = madd(a3, b1, c31);
    const a4 = v128.load32_splat(aAt, 16);
    c40 = madd(a4, b0, c40);
    c41 = madd(a4, b1, c41);
    const a5 = v128.load32_splat(aAt, 20);
    c50 = madd(a5, b0, c50);
    c51 = madd(a5, b1, c51);
    aAt += 24;
    bAt += 32;
  }
  v128.store(cAt, c00);
  v128.store(cAt, c01, 16);
  cAt += cStride;
  v128.store(cAt, c10);
  v128.store(cAt, c11, 16);
  cAt += cStride;
  v128.store(cAt, c20);
  v128.store(cAt, c21, 16);
  cAt += cStride;
  v128.store(cAt, c30);
  v128.store(cAt, c31, 16);
  cAt += cStride;
  v128.store(cAt, c40);
  v128.store(cAt, c41, 16);
  cAt += cStride;
  v128.store(cAt, c50);
  v128.store(cAt, c51, 16);
}

/** Puts `lines` × `depth` of a matrix into panels of `width` lines, step by step of depth; missing lines are 0. Strides in bytes. */
function pack(
  toAt: usize,
  fromAt: usize,
  lineStride: usize,
  depthStride: usize,
  lines: usize,
  depth: usize,
  width: usize,
): void {
  for (let line: usize = 0; line < lines; line += width) {
    const there = min(width, lines - line);
    if (there < width) memory.fill(toAt, 0, width * depth * 4);
    if (lineStride === 4 && there === width) {
      // Lines lie side by side: a step's numbers are copied as they are.
      let at = fromAt + line * 4;
      let to = toAt;
      for (let step: usize = 0; step < depth; step++) {
        if (width === 8) {
          v128.store(to, v128.load(at));
          v128.store(to, v128.load(at, 16), 16);
        } else {
          v128.store(to, v128.load(at));
          store<u64>(to, load<u64>(at, 16), 16);
        }
        at += depthStride;
        to += width * 4;
      }
    } else {
      for (let one: usize = 0; one < there; one++) {
        let at = fromAt + (line + one) * lineStride;
        let to = toAt + one * 4;
        for (let step: usize = 0; step < depth; step++) {
          store<f32>(to, load<f32>(at));
          at += depthStride;
          to += width * 4;
        }
      }
    }
    toAt += width * depth * 4;
  }
}

/** Copies a corner of a tile; a call of the engine's own copy would cost more. Strides in bytes. */
function copyRows(toAt: usize, toStride: usize, fromAt: usize, fromStride: usize, rows: usize, columns: usize): void {
  for (let row: usize = 0; row < rows; row++) {
    for (let column: usize = 0; column < columns; column++) {
      store<f32>(toAt + (column << 2), load<f32>(fromAt + (column << 2)));
    }
    toAt += toStride;
    fromAt += fromStride;
  }
}

/**
 * C [rows, columns] = A [rows, depth] · B [depth, columns] + start, whatever the strides of A and B; rows of C lie `cStride` apart. `startAt` is a
 * row added to each of C's, or 0.
 */
export function multiply(
  scratchAt: usize,
  rows: usize,
  columns: usize,
  depth: usize,
  aAt: usize,
  aRowStride: usize,
  aDepthStride: usize,
  bAt: usize,
  bDepthStride: usize,
  bColumnStride: usize,
  cAt: usize,
  cStride: usize,
  startAt: usize,
): void {
  const blocks = (depth + depthBlock - 1) / depthBlock;
  const even = (depth + blocks - 1) / blocks;
  const cRow = cStride << 2;
  const edge = scratchAt + edgeTile;
  for (let column: usize = 0; column < columns; column += columnBlock) {
    const width = min(columnBlock, columns - column);
    memory.fill(scratchAt + startRow, 0, ((width + 7) & ~7) << 2);
    if (startAt !== 0) memory.copy(scratchAt + startRow, startAt + (column << 2), width << 2);
    for (let step: usize = 0; step < depth; step += even) {
      const deep = min(even, depth - step);
      pack(
        scratchAt + packedB,
        bAt + ((step * bDepthStride + column * bColumnStride) << 2),
        bColumnStride << 2,
        bDepthStride << 2,
        width,
        deep,
        tileColumns,
      );
      for (let row: usize = 0; row < rows; row += rowBlock) {
        const tall = min(rowBlock, rows - row);
        pack(
          scratchAt + packedA,
          aAt + ((row * aRowStride + step * aDepthStride) << 2),
          aRowStride << 2,
          aDepthStride << 2,
          tall,
          deep,
          tileRows,
        );
        for (let x: usize = 0; x < width; x += tileColumns) {
          const panelB = scratchAt + packedB + ((x * deep) << 2);
          const begin = scratchAt + startRow + (x << 2);
          for (let y: usize = 0; y < tall; y += tileRows) {
            const panelA = scratchAt + packedA + ((y * deep) << 2);
            const to = cAt + (row + y) * cRow + ((column + x) << 2);
            const high = min(tileRows, tall - y);
            const wide = min(tileColumns, width - x);
            if (high === tileRows && wide === tileColumns) {
              if (step === 0) tile(deep, panelA, panelB, begin, 0, to, cRow);
              else tile(deep, panelA, panelB, to, cRow, to, cRow);
            } else {
              if (step === 0) tile(deep, panelA, panelB, begin, 0, edge, 32);
              else {
                copyRows(edge, 32, to, cRow, high, wide);
                tile(deep, panelA, panelB, edge, 32, edge, 32);
              }
              copyRows(to, cRow, edge, 32, high, wide);
            }
          }
        }
      }
    }
  }
}

/** sums[j] = Σ x[i, j] over the rows of x [rows, columns]; columns in fours. */
export function columnSums(rows: usize, columns: usize, xAt: usize, sumsAt: usize): void {
  const width = columns << 2;
  for (let column: usize = 0; column < width; column += 16) {
    let at = xAt + column;
    let even = f32x4.splat(0);
    let odd = f32x4.splat(0);
    let row: usize = 1;
    for (; row < rows; row += 2) {
      even = f32x4.add(even, v128.load(at));
      odd = f32x4.add(odd, v128.load(at + width));
      at += 2 * width;
    }
    if (row === rows) even = f32x4.add(even, v128.load(at));
    v128.store(sumsAt + column, f32x4.add(even, odd));
  }
}

function sumOf(x: v128): f32 {
  return f32x4.extract_lane(x, 0) + f32x4.extract_lane(x, 1) + (f32x4.extract_lane(x, 2) + f32x4.extract_lane(x, 3));
}

function largestOf(x: v128): f32 {
  return max(
    max(f32x4.extract_lane(x, 0), f32x4.extract_lane(x, 1)),
    max(f32x4.extract_lane(x, 2), f32x4.extract_lane(x, 3)),
  );
}

/** y = gain · (x − mean) / √(variance + 1e-12) + shift of each row of x [rows, columns]; columns in fours. Keeps the normal rows and 1 / √… for the gradient. */
export function layerNorm(
  rows: usize,
  columns: usize,
  xAt: usize,
  gainAt: usize,
  shiftAt: usize,
  yAt: usize,
  normalAt: usize,
  inverseAt: usize,
): void {
  const width = columns << 2;
  const share = f32(1) / f32(columns);
  for (let row: usize = 0; row < rows; row++) {
    let sum = f32x4.splat(0);
    for (let at: usize = 0; at < width; at += 16) sum = f32x4.add(sum, v128.load(xAt + at));
    const mean = f32x4.splat(sumOf(sum) * share);
    let squares = f32x4.splat(0);
    for (let at: usize = 0; at < width; at += 16) {
      const centred = f32x4.sub(v128.load(xAt + at), mean);
      squares = madd(centred, centred, squares);
    }
    const inverse = f32(1) / sqrt<f32>(sumOf(squares) * share + f32(1e-12));
    const factor = f32x4.splat(inverse);
    for (let at: usize = 0; at < width; at += 16) {
      const normal = f32x4.mul(f32x4.sub(v128.load(xAt + at), mean), factor);
      v128.store(normalAt + at, normal);
      v128.store(yAt + at, madd(normal, v128.load(gainAt + at), v128.load(shiftAt + at)));
    }
    store<f32>(inverseAt + (row << 2), inverse);
    xAt += width;
    yAt += width;
    normalAt += width;
  }
}

/** The gradients of layerNorm's x, gain and shift from that of its y. */
export function layerNormGradient(
  rows: usize,
  columns: usize,
  dyAt: usize,
  normalAt: usize,
  inverseAt: usize,
  gainAt: usize,
  dxAt: usize,
  dGainAt: usize,
  dShiftAt: usize,
): void {
  const width = columns << 2;
  const share = f32(1) / f32(columns);
  memory.fill(dGainAt, 0, width);
  memory.fill(dShiftAt, 0, width);
  for (let row: usize = 0; row < rows; row++) {
    let sum = f32x4.splat(0);
    let along = f32x4.splat(0);
    for (let at: usize = 0; at < width; at += 16) {
      const dy = v128.load(dyAt + at);
      const normal = v128.load(normalAt + at);
      const dNormal = f32x4.mul(dy, v128.load(gainAt + at));
      sum = f32x4.add(sum, dNormal);
      along = madd(dNormal, normal, along);
      v128.store(dShiftAt + at, f32x4.add(v128.load(dShiftAt + at), dy));
      v128.store(dGainAt + at, madd(dy, normal, v128.load(dGainAt + at)));
    }
    const inverse = load<f32>(inverseAt + (row << 2));
    const factor = f32x4.splat(inverse);
    const mean = f32x4.splat(sumOf(sum) * share);
    const slope = f32x4.splat(-sumOf(along) * share);
    for (let at: usize = 0; at < width; at += 16) {
      const dNormal = f32x4.mul(v128.load(dyAt + at), v128.load(gainAt + at));
      v128.store(dxAt + at, f32x4.mul(factor, madd(v128.load(normalAt + at), slope, f32x4.sub(dNormal, mean))));
    }
    dyAt += width;
    normalAt += width;
    dxAt += width;
  }
}

/** eˣ for x ≤ 0 with a relative error of some 1e-7, after Cephes' expf; 0 below e⁻⁸⁷, where float32 would become denormal. */
function expOf(x: v128): v128 {
  const seen = f32x4.ge(x, f32x4.splat(-87));
  const bounded = f32x4.max(x, f32x4.splat(-87));
  const power = f32x4.nearest(f32x4.mul(bounded, f32x4.splat(f32(Math.LOG2E))));
  // ln 2 in two parts, the first short enough for its product with a power to be exact.
  const rest = madd(power, f32x4.splat(2.1219444e-4), madd(power, f32x4.splat(-0.693359375), bounded));
  let series = f32x4.splat(1.98756915e-4);
  series = madd(series, rest, f32x4.splat(1.3981999507e-3));
  series = madd(series, rest, f32x4.splat(8.3334519073e-3));
  series = madd(series, rest, f32x4.splat(4.1665795894e-2));
  series = madd(series, rest, f32x4.splat(1.6666665459e-1));
  series = madd(series, rest, f32x4.splat(5.0000001201e-1));
  const fraction = madd(series, f32x4.mul(rest, rest), f32x4.add(rest, f32x4.splat(1)));
  const exponent = i32x4.shl(i32x4.add(i32x4.trunc_sat_f32x4_s(power), i32x4.splat(127)), 23);
  return v128.and(f32x4.mul(fraction, exponent), seen);
}

/** value = x · Φ(x) and its slope Φ(x) + x · φ(x), `count` of them in fours; by the tail 1 − Φ(|x|) of Abramowitz and Stegun 7.1.26, as ops.ts says. */
export function gelu(count: usize, xAt: usize, valueAt: usize, slopeAt: usize): void {
  const end = xAt + (count << 2);
  while (xAt < end) {
    const x = v128.load(xAt);
    const size = f32x4.abs(x);
    const bell = expOf(f32x4.mul(f32x4.mul(x, x), f32x4.splat(-0.5)));
    const t = f32x4.div(f32x4.splat(1), madd(size, f32x4.splat(f32(0.3275911 * Math.SQRT1_2)), f32x4.splat(1)));
    let series = f32x4.mul(t, f32x4.splat(0.5 * 1.061405429));
    series = f32x4.mul(f32x4.add(series, f32x4.splat(0.5 * -1.453152027)), t);
    series = f32x4.mul(f32x4.add(series, f32x4.splat(0.5 * 1.421413741)), t);
    series = f32x4.mul(f32x4.add(series, f32x4.splat(0.5 * -0.284496736)), t);
    series = f32x4.mul(f32x4.add(series, f32x4.splat(0.5 * 0.254829592)), t);
    const tail = f32x4.mul(series, bell);
    const isPositive = f32x4.gt(x, f32x4.splat(0));
    const distribution = v128.bitselect(f32x4.sub(f32x4.splat(1), tail), tail, isPositive);
    v128.store(valueAt, f32x4.sub(f32x4.max(x, f32x4.splat(0)), f32x4.mul(size, tail)));
    v128.store(slopeAt, madd(f32x4.mul(x, bell), f32x4.splat(0.3989422804014327), distribution));
    xAt += 16;
    valueAt += 16;
    slopeAt += 16;
  }
}

/** Bytes of scratch that attention needs behind that of `multiply`: a head's scores and a row of the mask. */
export function attentionScratchSizeBytes(asking: usize, tokens: usize): usize {
  return (asking + 1) * paddedTokens(tokens) * 4;
}

/** Tokens in fours: the length of a row of attention's weights. */
export function paddedTokens(tokens: usize): usize {
  return (tokens + 3) & ~3;
}

/**
 * out = softmax(query · keyᵀ · scale + mask) · value for each window and head; query and out [batch · asking, size], key and value [batch · tokens, size],
 * mask [batch, tokens]. The weights [batch, heads, asking, padded tokens], with zeros behind each row, are kept for the gradient.
 */
export function attention(
  scratchAt: usize,
  batch: usize,
  asking: usize,
  tokens: usize,
  heads: usize,
  width: usize,
  scale: f32,
  queryAt: usize,
  keyAt: usize,
  valueAt: usize,
  maskAt: usize,
  outAt: usize,
  weightsAt: usize,
): void {
  const size = heads * width;
  const padded = paddedTokens(tokens);
  const rowSize = padded << 2;
  const maskRow = scratchAt + scratchEnd;
  const factor = f32x4.splat(scale);
  for (let window: usize = 0; window < batch; window++) {
    for (let token: usize = 0; token < padded; token++) {
      store<f32>(
        maskRow + (token << 2),
        token < tokens ? load<f32>(maskAt + ((window * tokens + token) << 2)) : -Infinity,
      );
    }
    for (let head: usize = 0; head < heads; head++) {
      const asked = (window * asking * size + head * width) << 2;
      const seen = (window * tokens * size + head * width) << 2;
      // What lies behind a row is no number yet, and must not be one that is none.
      memory.fill(weightsAt, 0, asking * rowSize);
      multiply(scratchAt, asking, tokens, width, queryAt + asked, size, 1, keyAt + seen, 1, size, weightsAt, padded, 0);
      for (let row: usize = 0; row < asking; row++) {
        const rowAt = weightsAt + row * rowSize;
        let largest = f32x4.splat(-Infinity);
        for (let at: usize = 0; at < rowSize; at += 16) {
          const score = madd(v128.load(rowAt + at), factor, v128.load(maskRow + at));
          v128.store(rowAt + at, score);
          largest = f32x4.max(largest, score);
        }
        const top = f32x4.splat(largestOf(largest));
        let sum = f32x4.splat(0);
        for (let at: usize = 0; at < rowSize; at += 16) {
          const power = expOf(f32x4.sub(v128.load(rowAt + at), top));
          v128.store(rowAt + at, power);
          sum = f32x4.add(sum, power);
        }
        const share = f32x4.splat(f32(1) / sumOf(sum));
        for (let at: usize = 0; at < rowSize; at += 16) v128.store(rowAt + at, f32x4.mul(v128.load(rowAt + at), share));
      }
      multiply(scratchAt, asking, width, tokens, weightsAt, padded, 1, valueAt + seen, size, 1, outAt + asked, size, 0);
      weightsAt += asking * rowSize;
    }
  }
}

/** The gradients of attention's query, key and value from that of its out and its weights. */
export function attentionGradient(
  scratchAt: usize,
  batch: usize,
  asking: usize,
  tokens: usize,
  heads: usize,
  width: usize,
  scale: f32,
  dOutAt: usize,
  queryAt: usize,
  keyAt: usize,
  valueAt: usize,
  weightsAt: usize,
  dQueryAt: usize,
  dKeyAt: usize,
  dValueAt: usize,
): void {
  const size = heads * width;
  const padded = paddedTokens(tokens);
  const rowSize = padded << 2;
  const scoresAt = scratchAt + scratchEnd;
  const factor = f32x4.splat(scale);
  memory.fill(scoresAt, 0, asking * rowSize);
  for (let window: usize = 0; window < batch; window++) {
    for (let head: usize = 0; head < heads; head++) {
      const asked = (window * asking * size + head * width) << 2;
      const seen = (window * tokens * size + head * width) << 2;
      multiply(scratchAt, asking, tokens, width, dOutAt + asked, size, 1, valueAt + seen, 1, size, scoresAt, padded, 0);
      for (let row: usize = 0; row < asking; row++) {
        const rowAt = scoresAt + row * rowSize;
        const shares = weightsAt + row * rowSize;
        let sum = f32x4.splat(0);
        for (let at: usize = 0; at < rowSize; at += 16) {
          sum = madd(v128.load(rowAt + at), v128.load(shares + at), sum);
        }
        const mean = f32x4.splat(sumOf(sum));
        for (let at: usize = 0; at < rowSize; at += 16) {
          const change = f32x4.mul(v128.load(shares + at), f32x4.sub(v128.load(rowAt + at), mean));
          v128.store(rowAt + at, f32x4.mul(change, factor));
        }
      }
      multiply(scratchAt, asking, width, tokens, scoresAt, padded, 1, keyAt + seen, size, 1, dQueryAt + asked, size, 0);
      multiply(scratchAt, tokens, width, asking, scoresAt, 1, padded, queryAt + asked, size, 1, dKeyAt + seen, size, 0);
      multiply(
        scratchAt,
        tokens,
        width,
        asking,
        weightsAt,
        1,
        padded,
        dOutAt + asked,
        size,
        1,
        dValueAt + seen,
        size,
        0,
      );
      weightsAt += asking * rowSize;
    }
  }
}
