import { compiledModule } from '@hansa/aggregation/kernels/build';

/** How the dense kernels multiply and add: in one step with one rounding (relaxed SIMD, twice as fast where the processor has FMA), or in two. */
export const denseBuilds = ['fused', 'plain'] as const;
export type DenseBuild = (typeof denseBuilds)[number];

/** The kernels of a training step as a WebAssembly module; undefined, with a warning, where they can neither be found nor compiled. */
export function compiledDense(build: DenseBuild): Uint8Array<ArrayBuffer> | undefined {
  return compiledModule({
    source: new URL('./assembly/kernels.ts', import.meta.url),
    flags: ['--importMemory', ...(build === 'fused' ? ['--enable', 'relaxed-simd'] : [])],
    without: 'the wasm engine trains half as fast',
  });
}
