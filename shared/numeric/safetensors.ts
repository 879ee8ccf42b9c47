import { type FileHandle, open, stat } from 'node:fs/promises';
import { HansaError } from '@hansa/shared/errors';
import { strayFile } from '@hansa/shared/files';
import { z } from 'zod';
import { elementCount, type Manifest, parameterCount } from './manifest.ts';

/** Limits for reading a file of unknown origin. */
export interface SafetensorsLimits {
  /** Largest JSON header, in bytes. */
  readonly headerSizeBytes: number;
  readonly tensors: number;
  /** Largest data part, in bytes. */
  readonly dataSizeBytes: number;
}

export const standardSafetensorsLimits: SafetensorsLimits = {
  headerSizeBytes: 1024 * 1024,
  tensors: 4096,
  dataSizeBytes: 4 * 1024 ** 3,
};

/** The header of a safetensors file of 32-bit floats. The data part is little-endian float32 in the manifest's order. */
export interface SafetensorsHeader {
  /** The file up to its data, as it was read: eight bytes of length and the JSON. Data of the same tensors can be written behind them. */
  readonly headerBytes: Uint8Array;
  readonly manifest: Manifest;
  /** `__metadata__`, an object without a prototype; empty where the file has none. */
  readonly metadata: Readonly<Record<string, string>>;
  readonly dataOffset: number;
  readonly dataSizeBytes: number;
}

/** The header of any safetensors file, with tensors of any type. */
export interface TensorTable extends Omit<SafetensorsHeader, 'manifest'> {
  /** In the order of their data. */
  readonly tensors: readonly StoredTensor[];
}

/** One tensor of a file: `begin` and `end` are bytes from the start of the data. */
export interface StoredTensor {
  readonly name: string;
  readonly dtype: string;
  readonly shape: readonly number[];
  readonly begin: number;
  readonly end: number;
}

/** Element types of the format with the bytes of one element; those smaller than a byte are not read. */
const elementSizesBytes: Readonly<Record<string, number>> = {
  BOOL: 1,
  U8: 1,
  I8: 1,
  F8_E5M2: 1,
  F8_E4M3: 1,
  I16: 2,
  U16: 2,
  F16: 2,
  BF16: 2,
  I32: 4,
  U32: 4,
  F32: 4,
  F64: 8,
  I64: 8,
  U64: 8,
};

const tensorSchema = z.strictObject({
  dtype: z.string().max(20),
  shape: z.array(z.int().min(1)).max(8),
  data_offsets: z.tuple([z.int().min(0), z.int().min(0)]),
});

const LENGTH_SIZE_BYTES = 8;
const FLOAT_SIZE_BYTES = 4;
const METADATA = '__metadata__';

function invalid(message: string): HansaError {
  return new HansaError(
    'InvalidModelFile',
    `Not a usable model file: ${message}. Take a whole safetensors file, as Hansa or the safetensors library writes it.`,
  );
}

/**
 * Reads the header of a model file from its first bytes: a safetensors file of 32-bit floats (F32) and nothing else.
 *
 * Source: https://github.com/huggingface/safetensors (format)
 *
 * @param start at least the whole header; bytes behind it are ignored
 * @param fileSizeBytes size of the whole file: the tensors must fill it without holes, overlaps or a remainder
 * @throws HansaError InvalidModelFile (for anything the format or the limits do not allow)
 */
export function readHeader(
  start: Uint8Array,
  fileSizeBytes: number,
  limits: SafetensorsLimits = standardSafetensorsLimits,
): SafetensorsHeader {
  const { tensors, ...rest } = readTable(start, fileSizeBytes, limits, { F32: FLOAT_SIZE_BYTES });
  const manifest: Manifest = tensors.map(({ name, shape, begin }) => ({
    name,
    shape,
    dtype: 'F32',
    offset: begin / FLOAT_SIZE_BYTES,
  }));
  return { ...rest, manifest };
}

/** The header of a file with tensors of the types in `sizesBytes`, which gives the bytes of one element; otherwise as readHeader. */
function readTable(
  start: Uint8Array,
  fileSizeBytes: number,
  limits: SafetensorsLimits,
  sizesBytes: Readonly<Record<string, number>>,
): TensorTable {
  const jsonSizeBytes = headerLength(start, fileSizeBytes, limits);
  const dataOffset = LENGTH_SIZE_BYTES + jsonSizeBytes;
  if (start.length < dataOffset) throw new RangeError(`the header needs the first ${dataOffset} bytes of the file`);
  // A plain copy: slice of a Buffer would share its memory.
  const headerBytes = new Uint8Array(start.subarray(0, dataOffset));
  let text: string;
  let parsed: unknown;
  try {
    text = new TextDecoder('utf-8', { fatal: true }).decode(headerBytes.subarray(LENGTH_SIZE_BYTES));
    parsed = JSON.parse(text);
  } catch {
    throw invalid('its header is not JSON');
  }
  if (!text.startsWith('{') || typeof parsed !== 'object' || parsed === null) {
    throw invalid('its header is not a JSON object');
  }
  refuseRepeatedKeys(text);

  const metadata: Record<string, string> = Object.create(null);
  const tensors: StoredTensor[] = [];
  for (const [name, value] of Object.entries(parsed)) {
    if (name === METADATA) {
      if (typeof value !== 'object' || value === null || Array.isArray(value))
        throw invalid('its metadata is not an object');
      for (const [key, entry] of Object.entries(value)) {
        if (typeof entry !== 'string') throw invalid('its metadata holds a value that is not text');
        metadata[key] = entry;
      }
      continue;
    }
    const shown = JSON.stringify(name.slice(0, 80));
    if (tensors.length === limits.tensors) throw invalid(`it has more than ${limits.tensors} tensors`);
    if (name === '' || name.length > 256) throw invalid(`the tensor name ${shown} is empty or too long`);
    const tensor = tensorSchema.safeParse(value);
    if (!tensor.success) throw invalid(`the header's entry for tensor ${shown} is malformed`);
    const { dtype, shape, data_offsets } = tensor.data;
    const elementSizeBytes = Object.hasOwn(sizesBytes, dtype) ? sizesBytes[dtype] : undefined;
    if (elementSizeBytes === undefined) {
      throw invalid(
        `tensor ${shown} has the type ${JSON.stringify(dtype)}; what can be read here is ${Object.keys(sizesBytes).join(', ')}`,
      );
    }
    const [begin, end] = data_offsets;
    const sizeBytes = elementCount(shape) * elementSizeBytes;
    if (!Number.isSafeInteger(sizeBytes) || end - begin !== sizeBytes) {
      throw invalid(`the offsets of tensor ${shown} do not fit its shape`);
    }
    tensors.push({ name, dtype, shape, begin, end });
  }
  tensors.sort((a, b) => a.begin - b.begin);
  let expected = 0;
  for (const { name, begin, end } of tensors) {
    if (begin !== expected)
      throw invalid(`tensor ${JSON.stringify(name.slice(0, 80))} leaves a hole or overlaps another`);
    expected = end;
  }
  const dataSizeBytes = fileSizeBytes - dataOffset;
  if (expected !== dataSizeBytes) {
    throw invalid(`its header describes ${expected} bytes of data and the file has ${dataSizeBytes}`);
  }
  return { headerBytes, metadata, tensors, dataOffset, dataSizeBytes };
}

/** Reads the header of an open file. @throws as {@link readHeader} */
export async function readHeaderFrom(
  file: FileHandle,
  limits: SafetensorsLimits = standardSafetensorsLimits,
): Promise<SafetensorsHeader> {
  const { start, size } = await startOf(file, limits);
  return readHeader(start, size, limits);
}

/**
 * Reads the header of an open safetensors file with tensors of any type, such as public weights.
 *
 * Rounds read models with {@link readHeader} alone, which accepts only 32-bit floats.
 *
 * @throws as {@link readHeader}
 */
export async function readTensorTable(
  file: FileHandle,
  limits: SafetensorsLimits = standardSafetensorsLimits,
): Promise<TensorTable> {
  const { start, size } = await startOf(file, limits);
  return readTable(start, size, limits, elementSizesBytes);
}

async function startOf(file: FileHandle, limits: SafetensorsLimits): Promise<{ start: Uint8Array; size: number }> {
  const { size } = await file.stat();
  const length = new Uint8Array(LENGTH_SIZE_BYTES);
  await readFully(file, length, 0);
  const start = new Uint8Array(LENGTH_SIZE_BYTES + headerLength(length, size, limits));
  await readFully(file, start, 0);
  return { start, size };
}

/** Opens the model file at `path` for reading. @throws HansaError NotFound, InvalidModelFile (when it is no file or cannot be read; naming the path) */
export async function openModelFile(path: string): Promise<FileHandle> {
  try {
    if ((await stat(path)).isFile()) return await open(path, 'r');
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT') throw new HansaError('NotFound', `There is no model file at ${path}. Look at its path.`);
    const message = `${path} cannot be read (${code}). Look at its permissions and its path.`;
    throw new HansaError('InvalidModelFile', message, {}, { cause: error });
  }
  throw new HansaError(
    'InvalidModelFile',
    `${path} is a folder or a device. Name the model file (safetensors) itself.`,
  );
}

/**
 * Reads the header of the file at `path`.
 *
 * @throws as {@link readHeader}
 * @throws as {@link openModelFile}
 */
export async function readHeaderOfFile(
  path: string,
  limits: SafetensorsLimits = standardSafetensorsLimits,
): Promise<SafetensorsHeader> {
  const file = await openModelFile(path);
  try {
    return await readHeaderFrom(file, limits);
  } finally {
    await file.close();
  }
}

/**
 * The bytes that come before the data: eight of length and the JSON, padded with spaces so that the data starts at a multiple of 8.
 *
 * @param metadata text values by text keys; written as `__metadata__`
 */
export function encodeHeader(manifest: Manifest, metadata: Readonly<Record<string, string>>): Uint8Array {
  // Entries are written one by one: a tensor may have any name, "__proto__" too, and keeps the manifest's order.
  const entries = [`${JSON.stringify(METADATA)}:${JSON.stringify(metadata)}`];
  for (const { name, shape, dtype, offset } of manifest) {
    const begin = offset * FLOAT_SIZE_BYTES;
    const end = begin + elementCount(shape) * FLOAT_SIZE_BYTES;
    entries.push(`${JSON.stringify(name)}:${JSON.stringify({ dtype, shape, data_offsets: [begin, end] })}`);
  }
  const json = new TextEncoder().encode(`{${entries.join(',')}}`);
  const padded = Math.ceil(json.length / 8) * 8;
  const bytes = new Uint8Array(LENGTH_SIZE_BYTES + padded).fill(0x20);
  new DataView(bytes.buffer).setBigUint64(0, BigInt(padded), true);
  bytes.set(json, LENGTH_SIZE_BYTES);
  return bytes;
}

/** A whole file in memory: for models that fit there. `vector` has one number for every parameter of the manifest. */
export function encodeFile(
  manifest: Manifest,
  metadata: Readonly<Record<string, string>>,
  vector: Float32Array,
): Uint8Array {
  if (vector.length !== parameterCount(manifest)) {
    throw new RangeError(`the manifest lays out ${parameterCount(manifest)} numbers, the vector has ${vector.length}`);
  }
  const header = encodeHeader(manifest, metadata);
  const bytes = new Uint8Array(header.length + vector.byteLength);
  bytes.set(header);
  bytes.set(new Uint8Array(vector.buffer, vector.byteOffset, vector.byteLength), header.length);
  return bytes;
}

function headerLength(start: Uint8Array, fileSizeBytes: number, limits: SafetensorsLimits): number {
  if (fileSizeBytes < LENGTH_SIZE_BYTES || start.length < LENGTH_SIZE_BYTES) throw invalid('it is too short');
  const length = new DataView(start.buffer, start.byteOffset).getBigUint64(0, true);
  if (length > BigInt(limits.headerSizeBytes))
    throw invalid(strayFile(start) ?? `its header is larger than ${limits.headerSizeBytes} bytes`);
  if (BigInt(LENGTH_SIZE_BYTES) + length > BigInt(fileSizeBytes)) throw invalid('it ends inside its header');
  if (fileSizeBytes > limits.dataSizeBytes) throw invalid(`it is larger than ${limits.dataSizeBytes} bytes`);
  return Number(length);
}

async function readFully(file: FileHandle, into: Uint8Array, position: number): Promise<void> {
  let done = 0;
  while (done < into.length) {
    const { bytesRead } = await file.read(into, done, into.length - done, position + done);
    if (bytesRead === 0) throw invalid('it is too short');
    done += bytesRead;
  }
}

// JSON.parse silently keeps the last of two equal keys; another reader may keep the first. The text is known to be valid JSON here.
function refuseRepeatedKeys(text: string): void {
  const open: (Set<string> | undefined)[] = [];
  const token = /"(?:[^"\\]|\\.)*"|[{}[\]]/g;
  for (let match = token.exec(text); match !== null; match = token.exec(text)) {
    const found = match[0];
    if (found === '{') open.push(new Set());
    else if (found === '[') open.push(undefined);
    else if (found === '}' || found === ']') open.pop();
    else if (isKey(text, token.lastIndex)) {
      const keys = open.at(-1);
      const key: string = JSON.parse(found);
      if (keys?.has(key)) throw invalid(`its header has the key ${JSON.stringify(key.slice(0, 80))} twice`);
      keys?.add(key);
    }
  }
}

function isKey(text: string, after: number): boolean {
  const colon = /\s*:/y;
  colon.lastIndex = after;
  return colon.test(text);
}
