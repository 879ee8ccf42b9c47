import { open } from 'node:fs/promises';
import { HansaError } from '@hansa/shared/errors';
import { type Architecture, manifestFor, modelMetadata } from '@hansa/shared/model';
import { encodeHeader, parameterCount } from '@hansa/shared/numeric';
import { smallestArchitecture } from '@hansa/shared/testing';

const ZEROS = new Uint8Array(1024 * 1024);

/** Bytes before the numbers in the file of a model of `length` numbers. */
export function headerOf(length: number): Uint8Array {
  const architecture = architectureWith(length);
  return encodeHeader(manifestFor(architecture), modelMetadata(architecture));
}

/** Writes a model of `length` zeros. */
export async function writeZeroModel(path: string, length: number): Promise<void> {
  const file = await open(path, 'w');
  try {
    await file.writeFile(headerOf(length));
    for (let left = 4 * length; left > 0; left -= ZEROS.length) {
      await file.writeFile(ZEROS.subarray(0, Math.min(left, ZEROS.length)));
    }
  } finally {
    await file.close();
  }
}

/** An architecture of exactly `length` numbers: as shallow as it can be, the rest of them rows of the static table, which are one number long. */
function architectureWith(length: number): Architecture {
  for (let layers = 1; layers <= 24; layers++) {
    for (let hiddenSize = 8; hiddenSize <= 1024; hiddenSize += 8) {
      const sized = (feedForwardSize: number, staticRows: number): Architecture => ({
        ...smallestArchitecture,
        encoder: { ...smallestArchitecture.encoder, hiddenSize, layers, feedForwardSize },
        heads: { demand: { ...smallestArchitecture.heads.demand!, staticRows } },
      });
      const spare = length - parameterCount(manifestFor(sized(8, 1)));
      if (spare < 0) break;
      const perFeedForward = layers * (2 * hiddenSize + 1);
      const wider = Math.min(Math.floor(spare / perFeedForward), 4096 - 8);
      const rows = 1 + spare - wider * perFeedForward;
      if (rows <= 8192) return sized(8 + wider, rows);
    }
  }
  throw new HansaError('InvalidArgument', `No model has ${length} numbers. Name another size with --params.`);
}
