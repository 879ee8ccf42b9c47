import { createHash, timingSafeEqual } from 'node:crypto';

/** SHA-256 of some bytes: 32 bytes. */
export function sha256(bytes: Uint8Array): Uint8Array {
  return new Uint8Array(createHash('sha256').update(bytes).digest());
}

/** SHA-256 of a public key in lower-case hexadecimal: what people read out to each other and compare. */
export const fingerprintOf = (publicKey: Uint8Array): string => Buffer.from(sha256(publicKey)).toString('hex');

/** Whether two byte strings are the same, in time that depends on their lengths alone. */
export function equalBytes(left: Uint8Array, right: Uint8Array): boolean {
  return left.length === right.length && timingSafeEqual(left, right);
}
