import type { Kernels } from './kernels.ts';

type Functions = Omit<Kernels, 'kind' | 'memory'>;

// What is used of the engine's WebAssembly; Node's types have none of it.
const { WebAssembly: engine } = globalThis as unknown as {
  readonly WebAssembly: {
    validate(bytes: Uint8Array): boolean;
    readonly Module: new (bytes: Uint8Array) => object;
    readonly Instance: new (
      module: object,
    ) => { readonly exports: Functions & { readonly memory: { readonly buffer: ArrayBuffer } } };
  };
};

/** The compiled kernels, or undefined where there are none or this engine has no SIMD. */
export function simdKernels(wasm: Uint8Array<ArrayBuffer> | undefined): Kernels | undefined {
  if (wasm === undefined || !engine.validate(wasm)) return undefined;
  const { memory, ...functions } = new engine.Instance(new engine.Module(wasm)).exports;
  return { kind: 'simd', memory: new Uint8Array(memory.buffer), ...functions };
}
