import { createHash } from 'node:crypto';
import { HansaError } from '@hansa/shared/errors';
import { writeFileWhole } from '@hansa/shared/files';
import {
  type Architecture,
  architectureOfHeader,
  type BaseModel,
  manifestFor,
  modelMetadata,
} from '@hansa/shared/model';
import {
  encodeHeader,
  type Manifest,
  openModelFile,
  parameterCount,
  readHeaderFrom,
  type SafetensorsHeader,
} from '@hansa/shared/numeric';

/** Numbers that are hashed at once. */
const HASH_PIECE_LENGTH = 16 * 1024 * 1024;

/** A model as this node holds it. */
export interface Model {
  readonly architecture: Architecture;
  readonly manifest: Manifest;
  /** Every parameter, in the manifest's order. */
  readonly vector: Float32Array;
}

/** Reads and checks a model file (safetensors). @throws HansaError NotFound, InvalidModelFile (naming the path) */
export async function readModelFile(path: string): Promise<Model> {
  const { content: architecture, manifest, vector } = await readWeights(path, architectureOfHeader);
  return { architecture, manifest, vector };
}

/** As readModelFile, with the hash by which adapters name their base. */
export async function readBaseModel(path: string): Promise<Model & BaseModel> {
  const { content, manifest, vector } = await readWeights(path, (header) => ({
    architecture: architectureOfHeader(header),
    headerBytes: header.headerBytes,
  }));
  const hash = createHash('sha256').update(content.headerBytes);
  // In pieces: a hash takes less than 2 GiB at once.
  for (let at = 0; at < vector.length; at += HASH_PIECE_LENGTH) {
    hash.update(bytesOf(vector.subarray(at, at + HASH_PIECE_LENGTH)));
  }
  return { architecture: content.architecture, manifest, vector, sha256: hash.digest('hex') };
}

/**
 * Reads the header of a safetensors file, lets `check` refuse it, then reads its numbers.
 *
 * @throws HansaError NotFound, InvalidModelFile (naming the path)
 * @throws what `check` throws, with the path
 */
export async function readWeights<Content>(
  path: string,
  check: (header: SafetensorsHeader) => Content,
): Promise<{ content: Content; manifest: Manifest; vector: Float32Array }> {
  const file = await openModelFile(path);
  try {
    const header = await readHeaderFrom(file);
    const content = check(header);
    const bytes = new Uint8Array(header.dataSizeBytes);
    let done = 0;
    while (done < bytes.length) {
      const { bytesRead } = await file.read(bytes, done, bytes.length - done, header.dataOffset + done);
      if (bytesRead === 0) throw new HansaError('InvalidModelFile', 'The file ends before its data does.');
      done += bytesRead;
    }
    const vector = new Float32Array(bytes.buffer);
    if (!vector.every(Number.isFinite)) {
      throw new HansaError('InvalidModelFile', 'The model holds a weight that is no finite number.');
    }
    return { content, manifest: header.manifest, vector };
  } catch (error) {
    if (error instanceof HansaError) throw new HansaError(error.code, `${path}: ${error.message}`, error.details);
    throw error;
  } finally {
    await file.close();
  }
}

/** Writes a model file whole or not at all. @throws RangeError (when the vector does not fit the architecture) */
export async function writeModelFile(
  path: string,
  architecture: Architecture,
  vector: Float32Array,
): Promise<WrittenFile> {
  const manifest = manifestFor(architecture);
  if (vector.length !== parameterCount(manifest)) throw new RangeError('the vector does not fit the architecture');
  return writeTensors(path, manifest, modelMetadata(architecture), [vector]);
}

/** Writes the numbers alone, one vector behind the other, little-endian float32, whole or not at all. */
export async function writeVectorFile(path: string, ...vectors: readonly Float32Array[]): Promise<void> {
  await writePieces(path, vectors.map(bytesOf));
}

const bytesOf = ({ buffer, byteOffset, byteLength }: Float32Array): Uint8Array =>
  new Uint8Array(buffer, byteOffset, byteLength);

/** A file as it was written. */
export interface WrittenFile {
  readonly sizeBytes: number;
  /** Hexadecimal. */
  readonly sha256: string;
}

/**
 * Writes a safetensors file whole or not at all, from pieces: whatever they throw, nothing stays.
 *
 * @param values every number of the manifest in its order
 * @throws RangeError (when they are more or fewer)
 * @throws what the pieces throw
 */
export async function writeTensors(
  path: string,
  manifest: Manifest,
  metadata: Readonly<Record<string, string>>,
  values: AsyncIterable<Float32Array> | Iterable<Float32Array>,
): Promise<WrittenFile> {
  return writePieces(
    path,
    (async function* () {
      yield encodeHeader(manifest, metadata);
      let count = 0;
      for await (const piece of values) {
        count += piece.length;
        yield bytesOf(piece);
      }
      if (count !== parameterCount(manifest)) throw new RangeError(`${count} numbers do not fill the manifest`);
    })(),
  );
}

/** Writes pieces of bytes one after the other, whole or not at all; what the pieces throw, nothing stays. */
export async function writePieces(
  path: string,
  pieces: AsyncIterable<Uint8Array> | Iterable<Uint8Array>,
): Promise<WrittenFile> {
  const hash = createHash('sha256');
  let sizeBytes = 0;
  async function* counted() {
    for await (const piece of pieces) {
      hash.update(piece);
      sizeBytes += piece.length;
      yield piece;
    }
  }
  await writeFileWhole(path, counted(), 0o666);
  return { sizeBytes, sha256: hash.digest('hex') };
}
