import type { BenchResult } from '../report.ts';
import { memoryToMemory } from './memoryToMemory.ts';

/** What adding vectors to the sum while they arrive costs the coordinator. */
export async function benchFold(options: { params: number }): Promise<BenchResult> {
  return { cases: await memoryToMemory(options.params) };
}
