import { type FileHandle, open, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { HansaError } from '@hansa/shared/errors';
import { readTensorTable, type StoredTensor } from '@hansa/shared/numeric';
import { z } from 'zod';
import { floatTypesInWords, isFloatType, toFloat32 } from './elementTypes.ts';
import { readJsonFile } from './jsonFile.ts';
import { destinationOf } from './names.ts';

/** Bytes of a tensor that are in memory at once. */
const PIECE_SIZE_BYTES = 4 * 1024 * 1024;

const WEIGHTS_FILE = 'model.safetensors';
const INDEX_FILE = 'model.safetensors.index.json';
const INDEX_LIMIT_BYTES = 16 * 1024 * 1024;
const SHARDS = 256;

const indexSchema = z.looseObject({ weight_map: z.record(z.string().max(256), z.string().max(256)) });

/** A tensor of a public model that has a place in ours. */
export interface PublicTensor {
  readonly shape: readonly number[];
  /** The file it is in and the name it has there, for error messages. */
  readonly where: string;
  /** Its elements in order, in pieces. @throws HansaError InvalidModelFile (when one is no finite number or the file has shrunk) */
  pieces(): AsyncGenerator<Float32Array>;
}

/** The opened weights of a public model. */
export interface PublicWeights {
  /** By their names in our manifest. */
  readonly tensors: ReadonlyMap<string, PublicTensor>;
  /** Names of tensors that Hansa has no use for, such as the pooler's. */
  readonly leftOut: readonly string[];
  close(): Promise<void>;
}

/**
 * Opens model.safetensors, or the shards that model.safetensors.index.json names, and finds the place of every tensor.
 *
 * @throws HansaError InvalidModelFile (nothing there, a malformed file, a shard that is missing or lies elsewhere, tensors other than the index says, a
 *   tensor twice under two names, a type that is no float; tensors that BERT does not have, all of them named)
 */
export async function openWeights(folder: string): Promise<PublicWeights> {
  const shards = await shardsOf(folder);
  const handles: FileHandle[] = [];
  const close = async () => {
    for (const handle of handles.splice(0)) await handle.close();
  };
  try {
    const tensors = new Map<string, PublicTensor>();
    const leftOut: string[] = [];
    const unknown: string[] = [];
    for (const { file, names } of shards) {
      const path = join(folder, file);
      const handle = await openShard(path);
      handles.push(handle);
      const table = await readTensorTable(handle).catch((error: NodeJS.ErrnoException) => {
        throw error instanceof HansaError
          ? new HansaError(error.code, `${path}: ${error.message}`)
          : unreadable(path, error);
      });
      refuseDifference(path, table.tensors, names);
      for (const tensor of table.tensors) {
        const destination = destinationOf(tensor.name);
        if (destination === 'leftOut') leftOut.push(tensor.name);
        else if (destination === undefined) unknown.push(tensor.name);
        else {
          const where = `${path}, tensor ${shown(tensor.name)}`;
          const other = tensors.get(destination.name);
          if (other !== undefined) {
            throw invalid(`${where}: ${other.where} has the same place in the model. Remove one of them`);
          }
          tensors.set(destination.name, publicTensor(handle, table.dataOffset, tensor, where));
        }
      }
    }
    if (unknown.length > 0) {
      const some = unknown.slice(0, 10).map(shown).join(', ');
      const more = unknown.length > 10 ? ` and ${unknown.length - 10} more` : '';
      throw invalid(
        `${folder}: BERT has no tensors called ${some}${more}. Take a BERT whose tensors have Hugging Face's names, with or without the prefix "bert."`,
      );
    }
    return { tensors, leftOut, close };
  } catch (error) {
    await close();
    throw error;
  }
}

interface Shard {
  readonly file: string;
  /** The tensors that the index puts there; undefined where there is no index. */
  readonly names: ReadonlySet<string> | undefined;
}

async function shardsOf(folder: string): Promise<Shard[]> {
  const entries = await readdir(folder).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT' || error.code === 'ENOTDIR') {
      throw new HansaError('NotFound', `There is no folder ${folder}.`);
    }
    throw unreadable(folder, error);
  });
  if (entries.includes(WEIGHTS_FILE)) return [{ file: WEIGHTS_FILE, names: undefined }];
  const path = join(folder, INDEX_FILE);
  const index = await readJsonFile(path, indexSchema, INDEX_LIMIT_BYTES);
  if (index === undefined) {
    const pickled = entries.some((name) => /^pytorch_model.*\.bin$/.test(name));
    throw invalid(
      `${folder} has neither ${WEIGHTS_FILE} nor ${INDEX_FILE}. ${
        pickled
          ? 'A pytorch_model.bin can run code when it is opened and is not read: save the model again in Python with save_pretrained'
          : "Name a folder as Hugging Face's save_pretrained writes it"
      }`,
    );
  }
  const shards = new Map<string, Set<string>>();
  for (const [name, file] of Object.entries(index.weight_map)) {
    // Only files of this very folder: an index must not make the import read elsewhere.
    if (!/^[A-Za-z0-9][\w.-]*\.safetensors$/.test(file)) {
      throw invalid(
        `${path} puts the tensor ${shown(name)} into ${shown(file)}. A shard is a .safetensors file in the same folder, without a path`,
      );
    }
    const names = shards.get(file) ?? new Set();
    shards.set(file, names.add(name));
  }
  if (shards.size === 0 || shards.size > SHARDS)
    throw invalid(`${path} names ${shards.size} shards, not 1 to ${SHARDS}`);
  return [...shards].map(([file, names]) => ({ file, names }));
}

async function openShard(path: string): Promise<FileHandle> {
  return open(path, 'r').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') throw invalid(`${path} is missing. Get the whole model`);
    throw unreadable(path, error);
  });
}

function refuseDifference(path: string, found: readonly StoredTensor[], names: ReadonlySet<string> | undefined): void {
  if (names === undefined) return;
  const more = found.find(({ name }) => !names.has(name));
  if (more !== undefined)
    throw invalid(`${path} holds the tensor ${shown(more.name)}, which the index does not put there`);
  const there = new Set(found.map(({ name }) => name));
  const less = [...names].find((name) => !there.has(name));
  if (less !== undefined) throw invalid(`${path} lacks the tensor ${shown(less)}, which the index puts there`);
}

function publicTensor(handle: FileHandle, dataOffset: number, tensor: StoredTensor, where: string): PublicTensor {
  const { dtype, shape, begin, end } = tensor;
  if (!isFloatType(dtype)) {
    throw invalid(
      `${where} has the type ${shown(dtype)}; weights are ${floatTypesInWords}. Save the model again as one of these`,
    );
  }
  return {
    shape,
    where,
    async *pieces() {
      for (let at = begin; at < end; at += PIECE_SIZE_BYTES) {
        const bytes = new Uint8Array(Math.min(PIECE_SIZE_BYTES, end - at));
        let done = 0;
        while (done < bytes.length) {
          const { bytesRead } = await handle.read(bytes, done, bytes.length - done, dataOffset + at + done);
          if (bytesRead === 0) throw invalid(`${where}: the file ends before its data does`);
          done += bytesRead;
        }
        const values = toFloat32(bytes, dtype);
        if (!values.every(Number.isFinite)) throw invalid(`${where} holds something that is no finite number`);
        yield values;
      }
    },
  };
}

const unreadable = (path: string, error: NodeJS.ErrnoException): HansaError =>
  invalid(`${path} cannot be read (${error.code}). Look at its permissions, and that it is what its name says`);

const shown = (name: string): string => JSON.stringify(name.slice(0, 80));

function invalid(message: string): HansaError {
  return new HansaError('InvalidModelFile', `${message}.`);
}
