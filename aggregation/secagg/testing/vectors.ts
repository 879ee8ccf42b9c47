import { FoldedSum } from '../encoding/foldedSum.ts';
import { type LayoutConfig, layoutOf } from '../encoding/layout.ts';
import { expandMasks } from '../encoding/masks.ts';
import type { UnmaskPlan } from '../masks.ts';

/** The words of a vector's bytes: body, weight, tail; without the filler. */
export function wordsOf(config: LayoutConfig, bytes: Uint8Array): Uint32Array {
  const { wordSizeBytes, bodySizeBytes } = layoutOf(config);
  const { buffer } = Uint8Array.from(bytes);
  const body = wordSizeBytes === 2 ? new Uint16Array(buffer, 0, bodySizeBytes / 2) : new Uint32Array(buffer);
  const words = new Uint32Array(config.vectorLength + 1 + config.tail.length);
  words.set(body.subarray(0, config.vectorLength));
  words.set(new Uint32Array(buffer, bodySizeBytes), config.vectorLength);
  return words;
}

/** The survivors' vectors added and their masks taken away, in one go. */
export function unmaskedSum(
  config: LayoutConfig,
  plan: UnmaskPlan,
  vectorOf: (index: number) => Uint8Array,
): Uint8Array {
  const sum = new FoldedSum(config);
  for (const index of plan.survivors) sum.add(0, vectorOf(index));
  sum.subtract(0, expandMasks(config, plan.masks));
  return Uint8Array.from(sum.bytes);
}

/** All bytes of a generator of tiles, and what it returned. */
export function collect<Result>(tiles: Generator<Uint8Array, Result, void>): { bytes: Uint8Array; result: Result } {
  const parts: Uint8Array[] = [];
  for (;;) {
    const next = tiles.next();
    if (next.done === true) return { bytes: Uint8Array.from(Buffer.concat(parts)), result: next.value };
    parts.push(Uint8Array.from(next.value));
  }
}
