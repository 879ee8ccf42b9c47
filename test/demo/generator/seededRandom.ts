/** Draws of one seeded stream; equal seed and label give equal draws on every machine. */
export interface SeededRandom {
  /** Uniform in [0, 1). */
  uniform(): number;
  /** Uniform in [low, high). */
  between(low: number, high: number): number;
  /** Integer in [low, high], both included. */
  integer(low: number, high: number): number;
  normal(mean: number, standardDeviation: number): number;
  /** Poisson count of the given mean; the mean is at most some thousands. */
  poisson(mean: number): number;
  /** Negative binomial count with this mean and variance mean + mean²/size. */
  negativeBinomial(mean: number, size: number): number;
  pick<T>(values: readonly T[]): T;
  /** The values in a random order; the argument is left as it is. */
  shuffle<T>(values: readonly T[]): T[];
  /** An independent stream that depends on this stream's seed and the label alone, never on what was drawn before. */
  stream(label: string): SeededRandom;
}

/** FNV-1a over the label, started from four different offsets, so that labels that differ in one character give unrelated states. */
function stateOf(label: string): [number, number, number, number] {
  const state: [number, number, number, number] = [0x811c9dc5, 0x01000193, 0x9e3779b9, 0x85ebca6b];
  for (let i = 0; i < label.length; i++) {
    for (let k = 0; k < 4; k++) state[k] = Math.imul(state[k]! ^ (label.charCodeAt(i) + k), 0x01000193 + 2 * k) >>> 0;
  }
  return state;
}

/** sfc32 (Chris Doty-Humphrey, PractRand) with its state taken from seed and label. */
export function seededRandom(seed: number, label = ''): SeededRandom {
  let [a, b, c, d] = stateOf(`${seed}/${label}`);
  const next = (): number => {
    const t = (((a + b) | 0) + d) | 0;
    d = (d + 1) | 0;
    a = b ^ (b >>> 9);
    b = (c + (c << 3)) | 0;
    c = (c << 21) | (c >>> 11);
    c = (c + t) | 0;
    return (t >>> 0) / 4294967296;
  };
  for (let i = 0; i < 16; i++) next();

  const normal = (mean: number, standardDeviation: number): number =>
    mean + standardDeviation * Math.sqrt(-2 * Math.log(1 - next())) * Math.cos(2 * Math.PI * next());

  const poisson = (mean: number): number => {
    let count = 0;
    // The sum of Poisson counts is a Poisson count: pieces of at most 500 keep exp(-piece) above the smallest double.
    for (let left = mean; left > 0; left -= 500) {
      const limit = Math.exp(-Math.min(left, 500));
      for (let product = next(); product > limit; product *= next()) count++;
    }
    return count;
  };

  /** Marsaglia and Tsang 2000; shapes below 1 are lifted by one and scaled back. */
  const gamma = (shape: number): number => {
    if (shape < 1) return gamma(shape + 1) * (1 - next()) ** (1 / shape);
    const dd = shape - 1 / 3;
    const cc = 1 / Math.sqrt(9 * dd);
    for (;;) {
      const x = normal(0, 1);
      const v = (1 + cc * x) ** 3;
      if (v > 0 && Math.log(1 - next()) < 0.5 * x * x + dd - dd * v + dd * Math.log(v)) return dd * v;
    }
  };

  const integer = (low: number, high: number): number => low + Math.floor(next() * (high - low + 1));

  return {
    uniform: next,
    between: (low, high) => low + (high - low) * next(),
    integer,
    normal,
    poisson,
    negativeBinomial: (mean, size) => (mean > 0 ? poisson((gamma(size) * mean) / size) : 0),
    pick: (values) => values[integer(0, values.length - 1)]!,
    shuffle: (values) => {
      const result = [...values];
      for (let i = result.length - 1; i > 0; i--) {
        const j = integer(0, i);
        [result[i], result[j]] = [result[j]!, result[i]!];
      }
      return result;
    },
    stream: (name) => seededRandom(seed, `${label}/${name}`),
  };
}
