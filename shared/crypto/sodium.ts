import sodium from 'libsodium-wrappers';

// The library is WebAssembly: nothing of it can be called before it is compiled.
await sodium.ready;

/** More than any call of ours on a key or a share leaves behind. */
const scratchBytes = 4096;

interface Heap {
  readonly HEAPU8: Uint8Array;
  _malloc(sizeBytes: number): number;
  _free(address: number): void;
}

/** Overwrites what calls left in the library's own memory: it frees its copies of keys and messages without clearing them. */
function clearScratch(): void {
  const { libsodium } = sodium as unknown as { readonly libsodium: Heap };
  const address = libsodium._malloc(scratchBytes);
  libsodium.HEAPU8.fill(0, address, address + scratchBytes);
  libsodium._free(address);
}

/** What a call on secrets gives, once no copy of them is left in the library's memory. */
export function withSecrets<Result>(call: () => Result): Result {
  try {
    return call();
  } finally {
    clearScratch();
  }
}

export { sodium };
