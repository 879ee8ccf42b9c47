import { createHash } from 'node:crypto';
import { open, stat } from 'node:fs/promises';
import { equalBytes } from '@hansa/shared/crypto';
import { HansaError } from '@hansa/shared/errors';
import { giveBack } from '@hansa/shared/memory';
import type { ExpectedVector } from '../../round/ports.ts';

const CHUNK_BYTES = 256 * 1024;

/** Forces a vector to disk and checks its length and hash. @throws HansaError WrongLength, WrongHash */
export async function assertHash(
  file: string,
  expected: Pick<ExpectedVector, 'sizeBytes' | 'vectorHash'>,
): Promise<void> {
  const { size } = await stat(file);
  if (size !== expected.sizeBytes) {
    throw new HansaError('WrongLength', `The vector has ${size} bytes, its header says ${expected.sizeBytes}.`);
  }
  const handle = await open(file, 'r+');
  const buffer = new Uint8Array(CHUNK_BYTES);
  try {
    await handle.sync();
    const hash = createHash('sha256');
    for (let position = 0; position < size; ) {
      const { bytesRead } = await handle.read(buffer, 0, buffer.length, position);
      if (bytesRead === 0) break;
      hash.update(buffer.subarray(0, bytesRead));
      position += bytesRead;
    }
    if (!equalBytes(hash.digest(), expected.vectorHash)) {
      throw new HansaError('WrongHash', 'The vector does not hash to what its signed header says.');
    }
  } finally {
    giveBack(buffer);
    await handle.close();
  }
}
