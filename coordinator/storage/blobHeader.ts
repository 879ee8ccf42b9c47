import { readHeader, type SafetensorsHeader, standardSafetensorsLimits } from '@hansa/shared/numeric';
import type { BlobReader } from './blobStore.ts';

const LENGTH_PREFIX_BYTES = 8;

/** Reads the header of a blob that is a safetensors file. @throws HansaError InvalidModelFile */
export async function readHeaderOfBlob(blob: BlobReader): Promise<SafetensorsHeader> {
  const prefix = new Uint8Array(Math.min(LENGTH_PREFIX_BYTES, blob.sizeBytes));
  await blob.read(prefix, 0);
  const limit = standardSafetensorsLimits.headerSizeBytes;
  const jsonBytes = prefix.length < LENGTH_PREFIX_BYTES ? 0 : Number(new DataView(prefix.buffer).getBigUint64(0, true));
  const start = new Uint8Array(Math.min(LENGTH_PREFIX_BYTES + Math.min(jsonBytes, limit), blob.sizeBytes));
  await blob.read(start, 0);
  return readHeader(start, blob.sizeBytes);
}
