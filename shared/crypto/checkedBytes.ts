/**
 * Checks a length; the message names the argument, never its value.
 *
 * @throws TypeError (unless `bytes` is a Uint8Array)
 * @throws RangeError (unless it has exactly `length` bytes)
 */
export function requireLength(bytes: Uint8Array, length: number, name: string): void {
  if (!(bytes instanceof Uint8Array)) throw new TypeError(`${name} must be a Uint8Array`);
  if (bytes.length !== length) throw new RangeError(`${name} must be ${length} bytes, not ${bytes.length}`);
}
