import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { SecretBytes } from '@hansa/shared/crypto';

/** The file of a node that keeps its set-up on disk, which the product's node never does. Edits of the product's source call these functions. */
const fileIn = (folder: string): string => join(folder, 'set-up.json');

/** Writes a set-up's state with all its secrets, until something is signed. */
export function keepState(folder: string, state: { readonly phase: string }): void {
  if (state.phase === 'sent') writeFileSync(fileIn(folder), JSON.stringify(state, spell));
}

/** The state that was kept last. */
export const keptState = (folder: string): unknown =>
  existsSync(fileIn(folder)) ? JSON.parse(readFileSync(fileIn(folder), 'utf8'), read) : undefined;

function spell(this: Record<string, unknown>, key: string): unknown {
  // `this[key]`, not the second argument: JSON.stringify calls toJSON before it calls a replacer.
  const value = this[key];
  if (value instanceof SecretBytes) return { $secret: [...value.expose()] };
  if (value instanceof Uint8Array) return { $bytes: [...value] };
  if (value instanceof Map) return { $map: [...value] };
  if (value instanceof Set) return { $set: [...value] };
  return value;
}

function read(_key: string, value: unknown): unknown {
  const { $secret, $bytes, $map, $set } = Object(value) as Record<string, never>;
  if ($secret !== undefined) return new SecretBytes(Uint8Array.from($secret));
  if ($bytes !== undefined) return Uint8Array.from($bytes);
  if ($map !== undefined) return new Map($map);
  if ($set !== undefined) return new Set($set);
  return value;
}
