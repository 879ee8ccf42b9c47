import sodium from 'libsodium-wrappers';

// The library is WebAssembly and must be compiled before its first call.
await sodium.ready;

/** More than any call of ours on a key or a share leaves behind. */
const scratchBytes = 4096;

interface Heap {
  readonly HEAPU8: Uint8Array;
  _malloc(sizeBytes: number): number;
  _free(address: number): void;
}

/** Overwrites what calls left in the library's memory: it frees its copies of keys and messages without clearing them. */
function clearScratch(): void {
  const { libsodium } = sodium as unknown as { readonly libsodium: Heap };
  const address = libsodium._malloc(scratchBytes);
  libsodium.HEAPU8.fill(0, address, address + scratchBytes);
  libsodium._free(address);
}

/** Makes a call on secrets and then clears the copies that it left in the library's memory. */
export function withSecrets<Result>(call: () => Result): Result {
  try {
    return call();
  } finally {
    clearScratch();
  }
}

export { sodium };
