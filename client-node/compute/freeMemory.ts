import { freemem, totalmem } from 'node:os';

/**
 * Bytes of memory that a process can count on here: what the machine has free, and no more than a container's limit.
 *
 * What the container has taken of its limit is left aside, for most of that may be files read into memory, which make room when asked.
 */
export function freeMemoryBytes(): number {
  const limitBytes = process.constrainedMemory() || Number.POSITIVE_INFINITY;
  // macOS counts as free only what nobody has used yet, and gives more when asked.
  return Math.min(process.platform === 'darwin' ? totalmem() : freemem(), limitBytes);
}
