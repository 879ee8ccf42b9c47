import { createHash } from 'node:crypto';
import { createWriteStream } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import path from 'node:path';
import { pipeline } from 'node:stream/promises';
import { HansaError } from '@hansa/shared/errors';
import { type Entry, openPromise } from 'yauzl';
import { z } from 'zod';
import { explainWriteError } from '../../ledger/files.ts';
import type { Wheel } from './release.ts';

/** What to do where the files of a native engine may not be written. */
export const writeRemedy = 'Run the command as the user who owns that folder.';

/** The public index. */
export const publicIndex = 'https://pypi.org/simple/';

// Source: PEP 691.
const pageSchema = z.looseObject({ files: z.array(z.looseObject({ filename: z.string(), url: z.string() })) });

/**
 * Downloads a wheel into a file and checks its sum.
 *
 * @param index the address of a package index with the JSON pages of PEP 691, such as {@link publicIndex}
 * @param file must not exist
 * @throws HansaError Unavailable (when the index or the file cannot be had), WrongHash (when it is another file than it should be), StorageFull,
 *   DataFolderUnusable (when it cannot be written)
 */
export async function downloadWheel(
  wheel: Wheel,
  index: string,
  file: string,
  { signal, onProgress }: { signal: AbortSignal; onProgress: (doneBytes: number) => void },
): Promise<void> {
  const page = new URL(`${wheel.project}/`, index.endsWith('/') ? index : `${index}/`);
  const listed = pageSchema.safeParse(
    await (await get(page, signal, { accept: 'application/vnd.pypi.simple.v1+json' })).json().catch(() => undefined),
  );
  if (!listed.success) {
    throw new HansaError('Unavailable', `${page} is no page of a Python package index (PEP 691). Check --index.`);
  }
  const found = listed.data.files.find(({ filename }) => filename === wheel.filename);
  if (found === undefined) {
    throw new HansaError(
      'NotFound',
      `${page} does not list ${wheel.filename}. Name another index with --index, or a folder that holds libtensorflow with --from.`,
    );
  }
  if (!URL.canParse(found.url, page.href)) {
    throw new HansaError(
      'Unavailable',
      `${page} gives no address for ${wheel.filename}: "${found.url}". Check --index.`,
    );
  }
  const response = await get(new URL(found.url, page), signal);
  const hash = createHash('sha256');
  let doneBytes = 0;
  await pipeline(
    response.body as unknown as AsyncIterable<Uint8Array>,
    async function* (chunks: AsyncIterable<Uint8Array>) {
      for await (const chunk of chunks) {
        doneBytes += chunk.length;
        if (doneBytes > wheel.sizeBytes) throw wrongFile(wheel, `is larger than its ${wheel.sizeBytes} bytes`);
        hash.update(chunk);
        onProgress(doneBytes);
        yield chunk;
      }
    },
    createWriteStream(file, { flags: 'wx' }),
    { signal },
  ).catch((error: Error) => {
    signal.throwIfAborted();
    const explained = explainWriteError(error, file, writeRemedy);
    if (explained instanceof HansaError) throw explained;
    throw new HansaError('Unavailable', `${wheel.filename} broke off after ${doneBytes} bytes: ${error.message}`);
  });
  const sha256 = hash.digest('hex');
  if (sha256 !== wheel.sha256) throw wrongFile(wheel, `has the SHA-256 ${sha256} and should have ${wheel.sha256}`);
}

const wrongFile = ({ filename }: Wheel, how: string): HansaError =>
  new HansaError('WrongHash', `${filename} ${how}: it is damaged or not what it says. Nothing of it is used.`);

async function get(url: URL, signal: AbortSignal, headers: Record<string, string> = {}): Promise<Response> {
  const response = await fetch(url, { signal, headers }).catch((error: Error) => {
    signal.throwIfAborted();
    const cause = error.cause instanceof Error ? error.cause.message : error.message;
    throw new HansaError('Unavailable', `${url} cannot be reached (${cause}).`);
  });
  if (!response.ok) throw new HansaError('Unavailable', `${url} answers with status ${response.status}.`);
  return response;
}

/**
 * Unpacks what is wanted of a wheel, which is a zip archive.
 *
 * @param place where in `folder` an entry goes, by its name in the archive; undefined: it is left out
 * @returns how many files were written
 * @throws HansaError InvalidArgument (when a name leads out of the folder, or the archive is none or damaged), StorageFull, DataFolderUnusable (when
 *   something cannot be written)
 */
export async function unpackWheel(
  file: string,
  folder: string,
  place: (name: string) => string | undefined,
  signal: AbortSignal,
): Promise<number> {
  const archive = await openPromise(file).catch((error: Error) => {
    throw new HansaError('InvalidArgument', `${file} is no wheel: ${error.message}`);
  });
  let count = 0;
  try {
    // Names that are absolute or lead upwards are refused by yauzl itself.
    for await (const entry of archive.eachEntry() as AsyncIterable<Entry>) {
      signal.throwIfAborted();
      const target = entry.fileName.endsWith('/') ? undefined : place(entry.fileName);
      if (target === undefined) continue;
      const full = path.join(folder, target);
      await mkdir(path.dirname(full), { recursive: true });
      const output = createWriteStream(full, { flags: 'wx', mode: modeOf(entry) });
      await pipeline(await archive.openReadStreamPromise(entry), output, { signal });
      count += 1;
    }
  } catch (error) {
    signal.throwIfAborted();
    const explained = explainWriteError(error, folder, writeRemedy);
    if (explained instanceof HansaError) throw explained;
    throw new HansaError('InvalidArgument', `${file} cannot be unpacked: ${(error as Error).message}`);
  } finally {
    archive.close();
  }
  return count;
}

/** Of an entry's mode, which Unix archivers keep in the upper half of its attributes, only whether it can be executed. */
const modeOf = ({ externalFileAttributes }: Entry): number => 0o644 | ((externalFileAttributes >>> 16) & 0o111);
