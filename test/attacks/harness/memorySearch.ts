import { closeSync, openSync, readdirSync, readFileSync, readSync } from 'node:fs';
import { join } from 'node:path';

/** The bytes to look for, by a description. */
export type Needles = ReadonlyMap<string, Uint8Array>;

/** Bytes as they would look raw, in hexadecimal, and in the middle of base64 of either alphabet. */
function spellings(bytes: Uint8Array): Buffer[] {
  const buffer = Buffer.from(bytes);
  const inBase64 = (encoding: 'base64' | 'base64url') =>
    [0, 1, 2].map((skipped) => {
      const whole = buffer.subarray(skipped, skipped + 3 * Math.floor((buffer.length - skipped) / 3));
      return Buffer.from(whole.toString(encoding));
    });
  return [buffer, Buffer.from(buffer.toString('hex')), ...inBase64('base64'), ...inBase64('base64url')];
}

/** Looks for many needles at once: only where the first three bytes of one match are the rest compared. */
class Search {
  readonly #prefixes = new Uint8Array(1 << 21);
  readonly #byPrefix = new Map<number, { readonly what: string; readonly bytes: Buffer }[]>();
  readonly found = new Set<string>();

  constructor(needles: Needles) {
    for (const [what, needle] of needles)
      for (const bytes of spellings(needle)) {
        const prefix = bytes.readUIntBE(0, 3);
        this.#prefixes[prefix >> 3]! |= 1 << (prefix & 7);
        this.#byPrefix.set(prefix, [...(this.#byPrefix.get(prefix) ?? []), { what, bytes }]);
      }
  }

  look(bytes: Buffer): void {
    let prefix = 0;
    for (let at = 0; at < bytes.length; at++) {
      prefix = ((prefix << 8) | bytes[at]!) & 0xffffff;
      if (at < 2 || ((this.#prefixes[prefix >> 3]! >> (prefix & 7)) & 1) === 0) continue;
      for (const { what, bytes: needle } of this.#byPrefix.get(prefix) ?? [])
        if (bytes.subarray(at - 2, at - 2 + needle.length).equals(needle)) this.found.add(what);
    }
  }
}

/** Which needles occur, in any encoding, in the memory that a process of this user can write to. Linux only. */
export function foundInMemory(pid: number, needles: Needles): ReadonlySet<string> {
  const search = new Search(needles);
  const memory = openSync(`/proc/${pid}/mem`, 'r');
  try {
    for (const line of readFileSync(`/proc/${pid}/maps`, 'utf8').split('\n')) {
      const [, from, to, mode] = /^([0-9a-f]+)-([0-9a-f]+) (\S+)/.exec(line) ?? [];
      if (from === undefined || !mode!.startsWith('rw')) continue;
      const start = Number.parseInt(from, 16);
      const part = Buffer.alloc(1 << 24);
      // Parts overlap, so that no needle is split.
      for (let at = start; at < Number.parseInt(to!, 16); at += part.length - 128)
        search.look(part.subarray(0, readPart(memory, part, at, Number.parseInt(to!, 16) - at)));
    }
  } finally {
    closeSync(memory);
  }
  return search.found;
}

function readPart(file: number, part: Buffer, at: number, most: number): number {
  try {
    return readSync(file, part, 0, Math.min(part.length, most), at);
  } catch {
    // Some listed regions cannot be read.
    return 0;
  }
}

/** Which needles occur, in any encoding, in any file of a folder. */
export function foundOnDisk(folder: string, needles: Needles): ReadonlySet<string> {
  const search = new Search(needles);
  for (const entry of readdirSync(folder, { recursive: true, withFileTypes: true }))
    if (entry.isFile()) search.look(readFileSync(join(entry.parentPath, entry.name)));
  return search.found;
}
