import { compiledKernels } from './build/compiledKernels.ts';
import type { Kernels } from './kernels.ts';
import { plainKernels } from './plainKernels.ts';
import { type KernelMaker, simdKernels } from './simdKernels.ts';

let maker: KernelMaker | undefined;
let shared: Kernels | undefined;

/** Kernels with memory for a vector: SIMD where the compiled module can be had and the engine takes it, otherwise the plain twin. */
export function makeKernels(vectorSizeBytes: number): Kernels {
  maker ??= simdKernels(compiledKernels()) ?? plainKernels;
  return maker(vectorSizeBytes);
}

/** The kernels that all of a thread share for what needs scratch alone. */
export function kernels(): Kernels {
  shared ??= makeKernels(0);
  return shared;
}
