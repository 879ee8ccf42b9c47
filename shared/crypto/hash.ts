import { createHash, timingSafeEqual } from 'node:crypto';

/** SHA-256 of the pieces one after another: 32 bytes. */
export function sha256(...pieces: readonly Uint8Array[]): Uint8Array {
  const hash = createHash('sha256');
  for (const piece of pieces) hash.update(piece);
  return new Uint8Array(hash.digest());
}

/** SHA-256 of a public key in lower-case hexadecimal: people read it to each other and compare. */
export const fingerprintOf = (publicKey: Uint8Array): string => Buffer.from(sha256(publicKey)).toString('hex');

/** Whether two byte strings are equal; the time it takes depends on their lengths alone. */
export function equalBytes(left: Uint8Array, right: Uint8Array): boolean {
  return left.length === right.length && timingSafeEqual(left, right);
}
