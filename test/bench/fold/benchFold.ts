import type { BenchResult } from '../report.ts';
import { memoryToMemory } from './memoryToMemory.ts';
import { peakMemory, uploadWithFold } from './overHttp.ts';

/** What adding vectors to the sum while they arrive costs the coordinator: in time, alone and as part of an upload, and in memory. */
export async function benchFold({ params, clients }: { params: number; clients: number[] }): Promise<BenchResult> {
  return {
    params,
    cases: [
      ...(await memoryToMemory(params)),
      ...(await uploadWithFold(params)),
      ...(await peakMemory(clients, params)),
    ],
  };
}
