import { Transform } from 'node:stream';
import { HansaError } from '@hansa/shared/errors';
import type { FastifyReply, FastifyRequest } from 'fastify';
import type { BlobStore } from '../storage/blobStore.ts';
import { parseByteRange } from './byteRange.ts';

/** Answers with a blob's bytes, or the piece that was asked for; `sent` is told how many bytes went out. @throws HansaError NotFound */
export async function sendBlob(
  request: FastifyRequest,
  reply: FastifyReply,
  blobs: BlobStore,
  sha256: string,
  sent: (count: number) => void,
): Promise<FastifyReply> {
  const sizeBytes = await blobs.size(sha256);
  if (sizeBytes === undefined) throw new HansaError('NotFound', `This coordinator has no model ${sha256}.`);
  const etag = `"${sha256}"`;
  reply.headers({ etag, 'accept-ranges': 'bytes', 'cache-control': 'private, max-age=31536000, immutable' });
  if (request.headers['if-none-match'] === etag) return reply.code(304).send();
  const range = parseByteRange(request.headers.range, sizeBytes);
  if (range === 'unsatisfiable') {
    return reply.code(416).header('content-range', `bytes */${sizeBytes}`).send();
  }
  const { start, end } = range === 'whole' ? { start: 0, end: sizeBytes - 1 } : range;
  if (range !== 'whole') reply.code(206).header('content-range', `bytes ${start}-${end}/${sizeBytes}`);
  reply.type('application/octet-stream').header('content-length', end - start + 1);
  const counted = new Transform({
    transform(chunk: Uint8Array, _encoding, done) {
      sent(chunk.length);
      done(null, chunk);
    },
  });
  const source = blobs.stream(sha256, start, end);
  source.once('error', (error) => counted.destroy(error));
  counted.once('close', () => source.destroy());
  return reply.send(source.pipe(counted));
}
