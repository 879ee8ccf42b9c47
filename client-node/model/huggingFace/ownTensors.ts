import type { FileHandle } from 'node:fs/promises';
import { join } from 'node:path';
import { HansaError } from '@hansa/shared/errors';
import { type Architecture, architectureOfMetadata, modelMetadata } from '@hansa/shared/model';
import { elementCount, type Manifest, openModelFile, readHeaderFrom, type TensorEntry } from '@hansa/shared/numeric';

/**
 * The file beside an exported encoder with what Hugging Face's models lack: the embedders of a merchant's numbers and the heads of the jobs.
 *
 * A safetensors file whose metadata tells the architecture of the whole model.
 */
export const OWN_TENSORS_FILE = 'hansa.safetensors';

/** The metadata of that file: it tells the architecture, and that this is no whole model. */
export const ownMetadata = (architecture: Architecture): Record<string, string> => ({
  ...modelMetadata(architecture),
  part: 'own',
});

/** Tensors of ours that a folder brings along. */
export interface OwnTensors {
  readonly architecture: Architecture;
  /** @throws HansaError InvalidModelFile (where the file has no such tensor, or a number is not finite) */
  read(entry: Pick<TensorEntry, 'name' | 'shape'>): Promise<Float32Array>;
  close(): Promise<void>;
}

/**
 * Opens hansa.safetensors; undefined where the folder has none.
 *
 * @throws HansaError InvalidModelFile (which names the path)
 */
export async function openOwnTensors(folder: string): Promise<OwnTensors | undefined> {
  const path = join(folder, OWN_TENSORS_FILE);
  const file = await openModelFile(path).catch((error: unknown) => {
    if (error instanceof HansaError && error.code === 'NotFound') return undefined;
    throw error;
  });
  if (file === undefined) return undefined;
  try {
    return await ownTensors(file, path);
  } catch (error) {
    await file.close();
    throw error instanceof HansaError ? new HansaError(error.code, `${path}: ${error.message}`) : error;
  }
}

async function ownTensors(file: FileHandle, path: string): Promise<OwnTensors> {
  const { manifest, metadata, dataOffset } = await readHeaderFrom(file);
  const architecture = architectureOfMetadata(metadata);
  return {
    architecture,
    async read({ name, shape }) {
      const entry = findTensor(manifest, name, shape);
      const values = new Float32Array(elementCount(shape));
      const bytes = new Uint8Array(values.buffer);
      const { bytesRead } =
        entry === undefined ? { bytesRead: 0 } : await file.read(bytes, 0, bytes.length, dataOffset + entry.offset * 4);
      if (bytesRead !== bytes.length || !values.every(Number.isFinite)) {
        throw new HansaError(
          'InvalidModelFile',
          `${path} has no sound tensor ${name} of the shape [${shape.join(', ')}]. Remove the file to start with fresh ones.`,
        );
      }
      return values;
    },
    close: () => file.close(),
  };
}

function findTensor(manifest: Manifest, name: string, shape: readonly number[]): TensorEntry | undefined {
  const entry = manifest.find((one) => one.name === name);
  return entry?.shape.join() === shape.join() ? entry : undefined;
}
