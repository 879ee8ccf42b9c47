import { makeKernels, vectorAt } from '@hansa/aggregation/kernels';
import { FoldedSum, type LayoutConfig } from '@hansa/aggregation/secagg/encoding';
import { type Candidate, measure } from '../measure.ts';
import type { BenchCase } from '../report.ts';

const repeats = 15;
/** What a server reads of a connection at once. */
const chunkSizeBytes = 65_536;
/** 60 % of the rate, as a ratio of times. */
const limit = 1 / 0.6;

/**
 * Folding from memory to memory: what adding a vector to the sum costs a coordinator, beside the machine's memcpy-and-add.
 *
 * Vector and sum are larger than any cache. `fold` is `FoldedSum.add` of the vector in chunks, as an upload brings them. memcpy-and-add is one copy of
 * the whole vector (`Uint8Array.set`: the C library's memmove) and then one addition of the copy to the sum by the SIMD kernel, over memory that
 * holds both whole: two passes, the least that receiving a vector into a buffer and adding the buffer costs. A fold that adds each chunk while it is in
 * the cache may be quicker than that. In turns, the least of all repeats.
 */
export async function memoryToMemory(params: number): Promise<BenchCase[]> {
  const cases: BenchCase[] = [];
  for (const bits of [32, 16] as const) {
    const timings = await measure(candidates(params, bits), repeats);
    const perWord = (name: string) => timings.get(name)!.leastNs / params;
    const against = `memcpy-and-add u${bits}`;
    const [fold, both] = [perWord(`fold u${bits}`), perWord(against)];
    const ratio = fold / both;
    cases.push({ name: against, value: both, unit: 'ns per word' });
    cases.push({
      name: `fold u${bits}`,
      value: fold,
      unit: 'ns per word',
      against,
      ratio,
      limit,
      pass: ratio <= limit,
    });
    process.stderr.write(
      `fold u${bits}: ${fold.toFixed(3)} ns per word; memcpy-and-add ${both.toFixed(3)}: ${(100 / ratio).toFixed(0)} % of its rate (at least 60 %)\n`,
    );
  }
  return cases;
}

function candidates(vectorLength: number, wordBits: 16 | 32): Candidate[] {
  const config: LayoutConfig = { vectorLength, wordBits, tail: [] };
  const sum = new FoldedSum(config);
  const vector = new Uint8Array(sum.bytes.length).fill(3);
  const fold = () => {
    for (let at = 0; at < vector.length; at += chunkSizeBytes) sum.add(at, vector.subarray(at, at + chunkSizeBytes));
  };
  return [
    { name: `fold u${wordBits}`, run: fold },
    { name: `memcpy-and-add u${wordBits}`, run: memcpyAndAdd(vector, wordBits) },
  ];
}

function memcpyAndAdd(vector: Uint8Array, wordBits: 16 | 32): () => void {
  const { memory, ...kernels } = makeKernels(2 * vector.length + 64);
  // The sum, then the copy at the next multiple of 64.
  const copyAt = vectorAt + 64 * Math.ceil(vector.length / 64);
  const add = wordBits === 32 ? kernels.addWords32 : kernels.addWords16;
  return () => {
    memory.set(vector, copyAt);
    add(vectorAt, copyAt, (8 * vector.length) / wordBits, 1);
  };
}
