import { sha256 } from '../../crypto/hash.ts';

/** What `enc` takes as one field: text, bytes, a whole number from 0 to 2^53-1, or a list of fields. */
export type EncField = string | Uint8Array | number | readonly EncField[];

const fieldBytes = (field: EncField): Uint8Array => {
  if (typeof field === 'string') return Buffer.from(field, 'utf8');
  if (typeof field === 'number') {
    if (!Number.isSafeInteger(field) || field < 0) throw new RangeError('enc takes whole numbers from 0 to 2^53-1');
    const bytes = Buffer.alloc(8);
    bytes.writeBigUInt64BE(BigInt(field));
    return bytes;
  }
  if (field instanceof Uint8Array) return field;
  return enc(...field);
};

/**
 * The canonical encoding that is hashed and signed: each field after its length (u32 big-endian).
 *
 * Numbers are u64 big-endian, text is UTF-8, a list is the encoding of its own fields. Two different lists of fields never have the same encoding.
 * Source: the protocol SA-1, PROTOCOL.md.
 */
export function enc(...fields: readonly EncField[]): Uint8Array {
  return new Uint8Array(Buffer.concat([...partsOf(fields)]));
}

/** The pieces of an encoding in order; a field of bytes is given as it is, not copied. */
function* partsOf(fields: readonly EncField[]): Generator<Uint8Array> {
  for (const field of fields) {
    const bytes = fieldBytes(field);
    const length = Buffer.alloc(4);
    length.writeUInt32BE(bytes.length);
    yield length;
    yield bytes;
  }
}

/** The fields of a canonical encoding, as bytes; undefined where the bytes are none. The inverse of {@link enc}. */
export function encFields(bytes: Uint8Array): Uint8Array[] | undefined {
  const view = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const fields: Uint8Array[] = [];
  let at = 0;
  while (at < view.length) {
    if (at + 4 > view.length) return undefined;
    const end = at + 4 + view.readUInt32BE(at);
    if (end > view.length) return undefined;
    fields.push(new Uint8Array(view.subarray(at + 4, end)));
    at = end;
  }
  return fields;
}

/** SHA-256 of the canonical encoding of some fields; a field of bytes may be a secret, since no copy of it is made. */
export const hashOf = (...fields: readonly EncField[]): Uint8Array => sha256(...partsOf(fields));

/** A real number as eight bytes (IEEE 754, big-endian), for `enc`; -0 is written as 0. NaN and infinities are a programmer's mistake. */
export function realBytes(value: number): Uint8Array {
  if (!Number.isFinite(value)) throw new RangeError('enc takes finite numbers');
  const bytes = Buffer.alloc(8);
  bytes.writeDoubleBE(value === 0 ? 0 : value);
  return new Uint8Array(bytes);
}
