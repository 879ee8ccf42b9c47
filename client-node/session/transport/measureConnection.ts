import { timeoutSignal } from '@hansa/shared/clock';
import { maxBandwidthProbeBytes } from '@hansa/shared/protocol';
import type { RandomSource } from '@hansa/shared/random';
import type { Session } from './handshake.ts';
import { refusedInBetween } from './inBetween.ts';

/** What measures the connection begins with little, so that a slow one is not kept busy for minutes. */
const FIRST_TRANSFER_BYTES = 32 * 1024;
const LONG_TRANSFER_MS = 500;
const TIMEOUT_MS = 30_000;
/** The most that is read of the answer to what was sent. */
const MAX_ANSWER_BYTES = 1024;

/** Bits a second of the connection to the coordinator. */
export interface Bandwidth {
  readonly upBitsPerSecond: number;
  readonly downBitsPerSecond: number;
}

/**
 * Times random bytes to the coordinator and back.
 *
 * @returns undefined where the coordinator does not offer to measure: it refuses, or answers with more or fewer bytes than it was asked for
 * @throws HansaError PayloadTooLarge (when something between takes no body as large as an update)
 * @throws what fetch throws
 */
export async function measureConnection({
  address,
  session,
  random,
  signal,
}: {
  readonly address: string;
  readonly session: Session;
  readonly random: RandomSource;
  readonly signal: AbortSignal;
}): Promise<Bandwidth | undefined> {
  const request = (method: 'GET' | 'POST', path: string, body?: Uint8Array): Promise<Response> =>
    fetch(new URL(path, address), {
      method,
      headers: { ...session.sign(method, path), 'content-type': 'application/octet-stream' },
      ...(body !== undefined && { body: Buffer.from(body) }),
      redirect: 'error',
      signal: AbortSignal.any([signal, timeoutSignal(TIMEOUT_MS)]),
    });
  let sent = 0;
  const send = async (bytes: number): Promise<boolean> => {
    // Random, so that nothing on the way can pack it.
    const post = () => request('POST', '/v1/bandwidth', random.bytes(bytes));
    // Who refuses a body may hang up while it is on its way, and its answer is lost; the second time it often is not.
    const response = await post().catch((error: unknown) => {
      if (signal.aborted) throw error;
      return post();
    });
    const isWhole = (await bodySize(response, MAX_ANSWER_BYTES)) !== undefined;
    // The coordinator takes every body that is sent here.
    if (response.status === 413) throw refusedInBetween(413, bytes);
    sent = bytes;
    return isWhole && response.ok;
  };
  const upBitsPerSecond = await speedOf(send);
  // A slow connection ends the measurement early; a limit on bodies is found with one as large as an update of a tiny model.
  if (upBitsPerSecond !== undefined && sent < maxBandwidthProbeBytes) await send(maxBandwidthProbeBytes);
  const downBitsPerSecond = await speedOf(async (bytes) => {
    const response = await request('GET', `/v1/bandwidth/${bytes}`);
    return (await bodySize(response, bytes)) === bytes && response.ok;
  });
  if (upBitsPerSecond === undefined || downBitsPerSecond === undefined) return undefined;
  return { upBitsPerSecond, downBitsPerSecond };
}

/** The bytes of a body; undefined, and nothing more read, once they are more than `mostBytes`. */
async function bodySize({ body }: Response, mostBytes: number): Promise<number | undefined> {
  let size = 0;
  for await (const piece of body ?? []) {
    size += (piece as Uint8Array).length;
    if (size > mostBytes) return undefined;
  }
  return size;
}

/** Bits a second of transfers of growing size, of the last one: a connection takes a while to come up to its speed. Undefined where one is refused. */
async function speedOf(transfer: (bytes: number) => Promise<boolean>): Promise<number | undefined> {
  for (let bytes = FIRST_TRANSFER_BYTES; ; bytes = Math.min(4 * bytes, maxBandwidthProbeBytes)) {
    const began = performance.now();
    if (!(await transfer(bytes))) return undefined;
    const tookMs = performance.now() - began;
    if (tookMs > LONG_TRANSFER_MS || bytes === maxBandwidthProbeBytes) return (bytes * 8 * 1000) / tookMs;
  }
}
