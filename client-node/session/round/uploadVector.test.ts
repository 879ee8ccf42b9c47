import { HansaError } from '@hansa/shared/errors';
import { describe, expect, it } from 'vitest';
import { uploadVector, type VectorUpload } from './uploadVector.ts';

describe('uploadVector', () => {
  /** What becomes of a vector whose upload is refused with this. */
  const refusedWith = (error: HansaError) => {
    const order: VectorUpload = {
      header: {
        sid: new Uint8Array(32),
        roundHash: new Uint8Array(32),
        index: 0,
        edges: Uint8Array.of(1),
        byteLength: 8,
        vectorHash: new Uint8Array(32),
        signature: new Uint8Array(64),
      },
      file: 'vector',
      signal: new AbortController().signal,
      onProgress: () => undefined,
      onSent: () => undefined,
    };
    const connection = {
      ready: async () => undefined,
      send: async () => ({ path: '/v1/uploads/00000000-0000-4000-8000-000000000000' }),
      upload: () => Promise.reject(error),
    };
    return uploadVector(connection, order);
  };

  it('fails where no body of this size comes through, so that the node leaves the round', async () => {
    const error = new HansaError('PayloadTooLarge', 'Something between refuses it.');
    await expect(refusedWith(error)).rejects.toBe(error);
  });

  it('gives the refusal where the vector came too late', async () => {
    const error = new HansaError('WrongRound', 'The round is over.');
    expect(await refusedWith(error)).toBe(error);
  });
});
