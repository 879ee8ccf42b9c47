const redacted = '[secret]';

/**
 * Secret bytes: they are never printed, serialised or compared by accident, and can be overwritten.
 *
 * JavaScript cannot promise that no copy is left; every copy this project makes itself is wiped.
 */
export class SecretBytes {
  readonly #bytes: Uint8Array;
  #wiped = false;

  /** Takes the bytes over: the array is zero afterwards. */
  constructor(bytes: Uint8Array) {
    if (!(bytes instanceof Uint8Array) || bytes.length === 0)
      throw new TypeError('SecretBytes takes a Uint8Array that is not empty');
    // A buffer outside the garbage collector's heap: the collector moves small arrays on its heap and leaves copies of them behind.
    this.#bytes = new Uint8Array(new ArrayBuffer(bytes.length));
    this.#bytes.set(bytes);
    bytes.fill(0);
  }

  get length(): number {
    return this.#bytes.length;
  }

  get wiped(): boolean {
    return this.#wiped;
  }

  /** The bytes themselves, not a copy. @throws RangeError (once wiped) */
  expose(): Uint8Array {
    if (this.#wiped) throw new RangeError('These secret bytes have been wiped');
    return this.#bytes;
  }

  /** Overwrites the bytes with zeros; may be called again. */
  wipe(): void {
    this.#bytes.fill(0);
    this.#wiped = true;
  }

  toString(): string {
    return redacted;
  }

  toJSON(): string {
    return redacted;
  }

  [Symbol.for('nodejs.util.inspect.custom')](): string {
    return redacted;
  }
}
