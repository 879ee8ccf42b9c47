import { type Kernels, memoryPagesFor } from './kernels.ts';

type Functions = Omit<Kernels, 'kind' | 'memory'>;

interface Memory {
  readonly buffer: ArrayBuffer;
  grow(pages: number): number;
}

// What is used of the engine's WebAssembly; Node's types have none of it.
const { WebAssembly: engine } = globalThis as unknown as {
  readonly WebAssembly: {
    validate(bytes: Uint8Array): boolean;
    readonly Module: new (bytes: Uint8Array) => object;
    readonly Instance: new (module: object) => { readonly exports: Functions & { readonly memory: Memory } };
  };
};

/** Makes the compiled kernels with memory for a vector of so many bytes. @throws RangeError (when that much cannot be had) */
export type KernelMaker = (vectorSizeBytes: number) => Kernels;

/** The maker of the compiled kernels, or undefined where there are none or this engine has no SIMD. */
export function simdKernels(wasm: Uint8Array<ArrayBuffer> | undefined): KernelMaker | undefined {
  if (wasm === undefined || !engine.validate(wasm)) return undefined;
  const module = new engine.Module(wasm);
  return (vectorSizeBytes) => {
    const { memory, ...functions } = new engine.Instance(module).exports;
    memory.grow(memoryPagesFor(vectorSizeBytes) - memory.buffer.byteLength / 65_536);
    return { kind: 'simd', memory: new Uint8Array(memory.buffer), ...functions };
  };
}
