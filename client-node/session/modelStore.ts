import { readdir, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { Plan } from '@hansa/shared/protocol';
import type { NodeFolder } from '../ledger/nodeFolder.ts';
import type { ModelFiles } from '../trainer/index.ts';
import type { Connection } from './connection.ts';
import { sha256OfFile } from './transport/download.ts';

/** The largest model that is fetched unless its size is known, in bytes. */
export const MAX_MODEL_BYTES = 4 * 1024 ** 3;

/** The models that this node holds, by SHA-256. */
export interface ModelStore {
  /** The path of the model, downloaded where it is not there yet. @throws as {@link Connection.download} */
  fetch(hash: string, options: FetchOptions): Promise<string>;
  /** Removes every model but these. */
  keepOnly(hashes: ReadonlySet<string>): Promise<void>;
}

interface FetchOptions {
  readonly maxBytes: number;
  readonly signal: AbortSignal;
  readonly onProgress?: (done: number, total: number) => void;
}

/** Where the model of a hash lies, or would. */
export const modelPath = (folder: string, hash: string): string => join(folder, `${hash}.safetensors`);

/** What a plan's adapters belong to, and where it lies or would; undefined where the rounds pass the whole model around. */
export function adapterOf({ mode, baseModelHash, seed }: Plan, { models }: NodeFolder): ModelFiles['adapter'] {
  if (mode.kind === 'full' || baseModelHash === undefined) return undefined;
  return { baseModelFile: modelPath(models, baseModelHash), mode, seed };
}

export function openModelStore(folder: string, connection: Pick<Connection, 'download'>): ModelStore {
  const pathOf = (hash: string): string => modelPath(folder, hash);
  /** Files whose hash was checked by this process. */
  const checked = new Set<string>();
  const running = new Map<string, Promise<void>>();
  const fetchOnce = async (hash: string, options: FetchOptions): Promise<void> => {
    const path = pathOf(hash);
    const there = await stat(path).then(
      () => true,
      () => false,
    );
    if (there && (await sha256OfFile(path)) === hash) return;
    if (there) await rm(path, { force: true });
    await connection.download({ hash, path, ...options });
  };
  return {
    async fetch(hash, options) {
      // Two downloads of one model would write one file: the second waits for the first, then sees for itself.
      while (running.has(hash)) {
        options.signal.throwIfAborted();
        await Promise.race([running.get(hash)?.catch(() => undefined), aborted(options.signal)]);
      }
      if (!checked.has(hash)) {
        const job = fetchOnce(hash, options);
        running.set(hash, job);
        try {
          await job;
          checked.add(hash);
        } finally {
          running.delete(hash);
        }
      }
      return pathOf(hash);
    },
    async keepOnly(hashes) {
      for (const name of await readdir(folder)) {
        const hash = name.split('.')[0] ?? '';
        if (hashes.has(hash) || running.has(hash)) continue;
        checked.delete(hash);
        await rm(join(folder, name), { force: true });
      }
    },
  };
}

/** Resolves when the signal aborts. */
function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => signal.addEventListener('abort', () => resolve(), { once: true }));
}
