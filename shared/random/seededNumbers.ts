import { seededRandom } from './seededRandom.ts';

/** Repeatable numbers for weights and for drawing batches. */
export interface SeededNumbers {
  /** Uniform in [0, 1), a multiple of 2^-32. */
  uniform(): number;
  /** Normal with mean 0 and standard deviation 1, cut off at ±2. */
  truncatedNormal(): number;
}

const BLOCK_SIZE_BYTES = 4096;

/** Equal seeds give equal numbers on every machine. */
export function seededNumbers(seed: string): SeededNumbers {
  const source = seededRandom(seed);
  let block = new DataView(new ArrayBuffer(0) as ArrayBufferLike);
  let position = 0;
  const uniform = () => {
    if (position === block.byteLength) {
      block = new DataView(source.bytes(BLOCK_SIZE_BYTES).buffer);
      position = 0;
    }
    const value = block.getUint32(position, true);
    position += 4;
    return value / 2 ** 32;
  };
  return {
    uniform,
    truncatedNormal() {
      for (;;) {
        // Box and Muller's transform; 1 − u is never 0.
        const value = Math.sqrt(-2 * Math.log(1 - uniform())) * Math.cos(2 * Math.PI * uniform());
        if (Math.abs(value) <= 2) return value;
      }
    },
  };
}
