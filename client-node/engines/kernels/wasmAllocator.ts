import { HansaError } from '@hansa/shared/errors';

/** How the wasm engine takes and gives back pieces of its memory; `_malloc` gives 0 where there is none left. */
export interface WasmAllocator {
  _malloc(sizeBytes: number): number;
  _free(at: number): void;
}

/**
 * Lets an engine that has no memory left say so.
 *
 * TensorFlow.js takes the 0 for a place: a tensor that gets it is written over the engine's own data, and from then on everything is wrong.
 */
export function refuseNoMemory(allocator: WasmAllocator): void {
  // Emscripten puts the function in its place at the first call, and would take this one away.
  allocator._free(allocator._malloc(1));
  const take = allocator._malloc;
  allocator._malloc = (sizeBytes) => {
    const at = take(sizeBytes);
    if (at === 0 && sizeBytes > 0) {
      throw new HansaError(
        'EngineUnusable',
        `The wasm engine's memory of 4 GiB is used up: there is no room for ${Math.ceil(sizeBytes / 1e6)} MB more. A native engine, from \`hansa-client native install\`, has no such limit.`,
      );
    }
    return at;
  };
}
