export interface Histogram {
  /** Left edge of the first bin and right edge of the last. */
  readonly low: number;
  readonly high: number;
  readonly counts: readonly number[];
  /** Values beyond the edges. */
  readonly outside: number;
}

/** Counts of values in bins of equal width. */
export function histogram(values: ArrayLike<number>, low: number, high: number, bins: number): Histogram {
  const counts = new Array<number>(bins).fill(0);
  let outside = 0;
  for (let i = 0; i < values.length; i++) {
    const bin = Math.floor(((values[i]! - low) / (high - low)) * bins);
    if (bin < 0 || bin >= bins) outside++;
    else counts[bin]!++;
  }
  return { low, high, counts, outside };
}

/** A masked vector's words over the whole ring. */
export function ringHistogram(words: Uint32Array, bins: number): Histogram {
  return histogram(words, 0, 2 ** 32, bins);
}

/** A quantised update's words as signed numbers, over the range that holds 99.5 % of them. */
export function updateHistogram(words: Uint32Array, bins: number): Histogram {
  const signed = new Int32Array(words.buffer, words.byteOffset, words.length);
  const sizes = Float64Array.from(signed, Math.abs).sort();
  const range = Math.max(1, sizes[Math.floor(0.995 * (sizes.length - 1))] ?? 1);
  return histogram(signed, -range, range, bins);
}

/** The largest bin's share of all values; 1 / bins when they are spread evenly. */
export function largestShare({ counts, outside }: Histogram): number {
  const total = counts.reduce((sum, count) => sum + count, outside);
  return total === 0 ? 0 : Math.max(...counts) / total;
}
