import { totalmem } from 'node:os';

/** Bytes of memory that processes can still take here, within the limits of a container. */
export function freeMemoryBytes(): number {
  // macOS counts as free only what nobody has used yet, and gives more when asked.
  return process.platform === 'darwin' ? totalmem() : process.availableMemory();
}
