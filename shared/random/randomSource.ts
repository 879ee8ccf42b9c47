import { randomFillSync } from 'node:crypto';

/** Where randomness comes from. Reducers take one, so that tests can repeat a run. */
export interface RandomSource {
  /** `count` fresh bytes, unpredictable to everyone else. */
  bytes(count: number): Uint8Array;
}

/** The operating system's generator. */
export const systemRandom: RandomSource = {
  bytes(count) {
    // Never on the garbage collector's heap, which would keep copies.
    return randomFillSync(new Uint8Array(new ArrayBuffer(count)));
  },
};
