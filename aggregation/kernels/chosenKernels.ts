import { compiledKernels } from './build/compiledKernels.ts';
import type { Kernels } from './kernels.ts';
import { plainKernels } from './plainKernels.ts';
import { simdKernels } from './simdKernels.ts';

let chosen: Kernels | undefined;

/** This thread's kernels: SIMD where the compiled module can be had and the engine takes it, otherwise the plain twin. */
export function kernels(): Kernels {
  chosen ??= simdKernels(compiledKernels()) ?? plainKernels();
  return chosen;
}
