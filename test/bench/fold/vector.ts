import { createHash } from 'node:crypto';
import { encodeTail, layoutOf } from '@hansa/aggregation/secagg/encoding';
import { leagueConfig } from '@hansa/aggregation/secagg/testing';
import { IdentityKey, SecretBytes } from '@hansa/shared/crypto';
import type { SecAggConfig } from '@hansa/shared/protocol/secagg';

export const federation = 'bench';
const tileWords = 65_536;

/** What both processes know of client n. */
export function clientOf(index: number): { id: string; key: IdentityKey; sessionId: Uint8Array } {
  const seed = (name: string) => new Uint8Array(createHash('sha256').update(`bench ${name} ${index}`).digest());
  return { id: `client-${index}`, key: new IdentityKey(new SecretBytes(seed('key'))), sessionId: seed('session') };
}

export const configOf = (clients: number, params: number): SecAggConfig =>
  leagueConfig(Math.max(clients, 5), { vectorLength: params, wordBits: 32 });

/**
 * The vector that every client sends: small numbers in each word and a tail in range, so that the sum of many opens.
 *
 * Neither folding nor hashing nor a disk cares what the words are; that all send the same keeps the senders cheap, beside the server on one machine.
 */
export function vectorOf(config: SecAggConfig): {
  sizeBytes: number;
  hash: Uint8Array;
  chunks(): Iterable<Uint8Array>;
} {
  const { sizeBytes } = layoutOf(config);
  const tile = new Uint8Array(Int32Array.from({ length: tileWords }, (_, at) => (at % 7) - 3).buffer);
  const tail = encodeTail(
    config,
    config.weightMax,
    Object.fromEntries(config.tail.map(({ name, low }) => [name, low])),
  );
  function* chunks() {
    const bodySizeBytes = 4 * config.vectorLength;
    for (let at = 0; at < bodySizeBytes; at += tile.length) yield tile.subarray(0, bodySizeBytes - at);
    yield new Uint8Array(tail.buffer);
  }
  const hash = createHash('sha256');
  for (const chunk of chunks()) hash.update(chunk);
  return { sizeBytes, hash: new Uint8Array(hash.digest()), chunks };
}
