import { z } from 'zod';

/** How many base64url characters (without padding) n bytes take. */
const encodedLength = (byteLength: number): number => Math.ceil((byteLength * 4) / 3);

/**
 * A codec for exactly `byteLength` bytes: unpadded base64url in JSON, a Uint8Array in memory.
 *
 * Only the canonical encoding decodes, so each value has one encoding.
 */
export function fixedBytes(byteLength: number) {
  return bytesBetween(byteLength, byteLength);
}

/** As {@link fixedBytes}, for any length between two bounds, both included. */
export function bytesBetween(minBytes: number, maxBytes: number) {
  return z.codec(
    z.string().min(encodedLength(minBytes)).max(encodedLength(maxBytes)),
    z.custom<Uint8Array>(
      (value) => value instanceof Uint8Array && value.length >= minBytes && value.length <= maxBytes,
    ),
    {
      decode: (text, context) => {
        const bytes = Buffer.from(text, 'base64url');
        if (bytes.toString('base64url') !== text) {
          context.issues.push({ code: 'custom', message: 'not canonical base64url', input: text });
          return z.NEVER;
        }
        return new Uint8Array(bytes);
      },
      encode: (bytes) => Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('base64url'),
    },
  );
}

/** A SHA-256 in lower-case hexadecimal: the name of blobs, models and sums in addresses, logs and files. */
export const sha256HexSchema = z.string().regex(/^[0-9a-f]{64}$/);
