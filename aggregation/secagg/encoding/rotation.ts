import { MaskStream, maskBlockSizeBytes, SecretBytes } from '@hansa/shared/crypto';
import { configHash, hashOf, type SecAggConfig, type UpdatePart } from '@hansa/shared/protocol/secagg';
import { blockValues, type Kernels, kernels, signsAt, valuesAt } from '../../kernels/index.ts';

/** The 32 bytes, public and the same for all of a round's members, that the signs of its rotations come from. */
export const rotationSeed = (config: SecAggConfig, modelHash: Uint8Array, round: number): Uint8Array =>
  hashOf('rotation', configHash(config), modelHash, round);

/** p = 2^⌊log2 d⌋: how many numbers one pass of the rotation of d numbers mixes. */
export const passLengthOf = (length: number): number => 2 ** (31 - Math.clz32(length));

/** The only thing that a part's rotation depends on beside the seed. */
type RotatedPart = Pick<UpdatePart, 'length'>;

/**
 * Rotates every part of a vector in place, on its own, so that none of its numbers is large: z = R·x, ‖z‖ = ‖x‖, each |z_j| ≤ β but with a small
 * probability. `parts` lie in the vector one after another and fill it; left out, it is one.
 *
 * Of one part x of d numbers, in a vector of D:
 * With p = {@link passLengthOf} and H the normalised Walsh-Hadamard matrix of order p, a pass turns p numbers v into H·D·v, D a diagonal of random
 * signs. The first pass takes the first p numbers; unless d = p, a second one with fresh signs takes the last p. Both are orthogonal, so R is, and
 * the length stays d (padding to a power of two would send up to twice as much). Every number of z is the outcome of the last pass that it was in:
 * z_j = Σ_k ±v_k/√p with signs that v does not depend on, where ‖v‖ ≤ ‖x‖. Given v that is subgaussian with variance ‖v‖²/p ≤ ‖x‖²/p (Hoeffding), so
 * it is whatever the first pass made of x. For ‖x‖ ≤ c, P(some |z_j| > β) ≤ 2d·exp(−β²p/2c²) = 2^−20·d/D at β = c·√(2 ln(2D/2^−20)/p), for any x that was
 * chosen without knowing the signs: 2^−20 for all parts together.
 *
 * The signs are the bits, lowest first and 1 for minus, of AES-256-CTR under `seed`: every pass, in the order of the parts, takes max(16, p/8) bytes.
 * Computed in f32. Memory: the vector. Source: Ailon and Chazelle 2009 for the transform; SA-1, "Ring".
 */
export function rotate(values: Float32Array, seed: Uint8Array, parts: readonly RotatedPart[] = [values]): void {
  for (const pass of passesOf(values, seed, parts)) {
    pass.mixBlocks('forwards');
    pass.mixAcross();
  }
}

/** Turns back what {@link rotate} did with the same seed, in place, up to rounding. */
export function rotateBack(values: Float32Array, seed: Uint8Array, parts: readonly RotatedPart[] = [values]): void {
  for (const pass of passesOf(values, seed, parts).reverse()) {
    pass.mixAcross();
    pass.mixBlocks('backwards');
  }
}

function passesOf(values: Float32Array, seed: Uint8Array, parts: readonly RotatedPart[]): Pass[] {
  const passes: Pass[] = [];
  let start = 0;
  let signsStart = 0;
  for (const { length } of parts) {
    const mixed = passLengthOf(length);
    // From the part's first number, and where that does not reach its end, up to its last.
    for (const from of new Set([start, start + length - mixed])) {
      passes.push(new Pass(values.subarray(from, from + mixed), seed, signsStart));
      signsStart += Math.max(maskBlockSizeBytes, mixed / 8);
    }
    start += length;
  }
  return passes;
}

/** One pass over p numbers: the stages of H within blocks that fit the kernels' memory, and those across blocks; their order does not matter. */
class Pass {
  readonly #values: Float32Array;
  readonly #seed: Uint8Array;
  readonly #signsStart: number;
  readonly #block: number;
  readonly #kernels: Kernels = kernels();
  readonly #held = new Float32Array(this.#kernels.memory.buffer, valuesAt, blockValues);

  constructor(values: Float32Array, seed: Uint8Array, signsStart: number) {
    this.#values = values;
    this.#seed = seed;
    this.#signsStart = signsStart;
    this.#block = Math.min(values.length, blockValues);
  }

  /** The signs and the stages over spans below a block's length, block by block, normalised for the whole pass. */
  mixBlocks(direction: 'forwards' | 'backwards'): void {
    const block = this.#block;
    const factor = 1 / Math.sqrt(this.#values.length);
    const signs = new MaskStream(new SecretBytes(Uint8Array.from(this.#seed)), this.#signsStart);
    for (let start = 0; start < this.#values.length; start += block) {
      signs.next(Math.ceil(block / 8), this.#kernels.memory, signsAt);
      this.#held.set(this.#values.subarray(start, start + block));
      if (direction === 'forwards') this.#kernels.flipSigns(valuesAt, signsAt, block);
      this.#kernels.butterflies(valuesAt, block, 1);
      this.#kernels.scale(valuesAt, block, factor);
      if (direction === 'backwards') this.#kernels.flipSigns(valuesAt, signsAt, block);
      this.#values.set(this.#held.subarray(0, block), start);
    }
  }

  /** The stages over spans of a block and more: each works on the same place of all blocks, and a few places of all fit the memory at once. */
  mixAcross(): void {
    const block = this.#block;
    const rows = this.#values.length / block;
    if (rows === 1) return;
    const width = block / rows;
    for (let column = 0; column < block; column += width) {
      for (let row = 0; row < rows; row++) {
        const start = row * block + column;
        this.#held.set(this.#values.subarray(start, start + width), row * width);
      }
      this.#kernels.butterflies(valuesAt, block, width);
      for (let row = 0; row < rows; row++)
        this.#values.set(this.#held.subarray(row * width, (row + 1) * width), row * block + column);
    }
  }
}
