import { createCipheriv } from 'node:crypto';
import { plainKernels, sumAt, termsAt, tileSizeBytes } from '@hansa/aggregation/kernels';
import type { MaskTerm } from '@hansa/aggregation/secagg/client';
import { expandMasks, type LayoutConfig, layoutOf } from '@hansa/aggregation/secagg/encoding';
import { MaskStream, SecretBytes } from '@hansa/shared/crypto';
import { seededRandom } from '@hansa/shared/random';
import { type Candidate, measure } from '../measure.ts';
import { flower as flowerPeer, type PeerProcess, startPeer } from '../peers/peer.ts';
import type { BenchCase, BenchResult } from '../report.ts';

const repeats = 9;
/** As many as k-out 32 gives a node at least. */
const neighbours = 32;

/** Of AES-256-CTR alone over the same tiles: what the copies and the additions may cost. */
const aesLimit = 1.6;
/** The u16 ring's limit in the u32 ring's AES, per parameter: half of the bytes. */
const shortAesLimit = aesLimit / 2;
const flowerLimit = 0.25;

const zeros = new Uint8Array(tileSizeBytes + 2048).subarray(2048);
const { port1: nowhere, port2: closed } = new MessageChannel();
closed.close();
nowhere.close();

/**
 * Mask expansion on one core: nanoseconds for each parameter and neighbour, once warm, for {@link neighbours} neighbours.
 *
 * Ours is what a node runs (`expandMasks`). In alternation with it: AES-256-CTR alone over the same tiles, a copy of the vector, and the same
 * masks with the addition as a plain TypeScript loop. The least of all repeats is taken everywhere; medians stand beside.
 *
 * With `peers`, Flower's own client code does the same, also in alternation: the functions that its secaggplus mod calls, on one array of all parameters
 * and not one for each layer (its quickest case), in a process that stays, warmed and repeated as often as ours, with one thread, neither
 * pinned to a core. Left out in Flower's favour: its key agreement, its weight word and the reduction modulo 2^32 at the end.
 */
export async function benchMasks(options: { params: readonly number[]; peers: boolean }): Promise<BenchResult> {
  const flower = options.peers ? await startPeer(flowerPeer, new URL('./flowerMasks.py', import.meta.url)) : undefined;
  try {
    if (flower !== undefined) process.stderr.write(`against ${JSON.stringify(flower.versions)}\n`);
    const cases: BenchCase[] = [];
    const mediansNs: Record<string, number> = {};
    for (const params of options.params) await benchLength(params, flower, cases, mediansNs);
    return { cases, mediansNs, ...(flower === undefined ? {} : { flower: flower.versions }) };
  } finally {
    flower?.end();
  }
}

async function benchLength(
  params: number,
  flower: PeerProcess | undefined,
  cases: BenchCase[],
  mediansNs: Record<string, number>,
): Promise<void> {
  const rival = flower && {
    name: "flower's own code",
    askNs: async () => Number(await flower.ask(`${params} ${neighbours}`)),
  };
  const all = [...candidates(params, 32), ...candidates(params, 16), memcpy(params), ...(rival ? [rival] : [])];
  const timings = await measure(all, repeats);
  const place = `, ${params} parameters`;
  /** Of one neighbour's mask. */
  const figure = (name: string, of: number): number => {
    const timing = timings.get(name)!;
    mediansNs[name + place] = timing.medianNs / params / of;
    return timing.leastNs / params / of;
  };
  const say = (name: string, value: number, more: Partial<BenchCase> = {}) => {
    const one = { name: name + place, value, unit: 'ns per parameter', ...more };
    cases.push(one);
    process.stderr.write(`${one.name}: ${value.toFixed(3)} ns per parameter${ratioOf(one)}\n`);
  };
  const aes = figure('aes-256-ctr u32', neighbours);
  const [long, short] = [figure('mask u32', neighbours), figure('mask u16', neighbours)];
  say('mask u32', long, held('aes-256-ctr u32', long / aes, aesLimit));
  say('mask u16', short, held('aes-256-ctr u32', short / aes, shortAesLimit));
  for (const name of ['aes-256-ctr u32', 'aes-256-ctr u16', 'plain loop u32', 'plain loop u16'])
    say(name, figure(name, neighbours));
  say('mask u32 of one neighbour alone', figure('mask u32 of one neighbour alone', 1));
  say('memcpy u32', figure('memcpy u32', 1));
  if (rival === undefined) return;
  const theirs = figure(rival.name, neighbours);
  say(rival.name, theirs);
  say('flower against mask u32', long, held(rival.name, long / theirs, flowerLimit));
}

const held = (against: string, ratio: number, limit: number) => ({ against, ratio, limit, pass: ratio <= limit });

const ratioOf = ({ ratio, against, limit }: Pick<BenchCase, 'ratio' | 'against' | 'limit'>): string =>
  ratio === undefined ? '' : `, ${ratio.toFixed(3)} of ${against} (at most ${limit})`;

function candidates(vectorLength: number, wordBits: 16 | 32): Candidate[] {
  const config: LayoutConfig = { vectorLength, wordBits, tail: [] };
  const whole = { start: 0, end: layoutOf(config).sizeBytes };
  const vector = new Uint8Array(whole.end);
  const masks: MaskTerm[] = Array.from({ length: neighbours }, (_, at) => ({
    key: new SecretBytes(seededRandom(`bench/${at}`).bytes(32)),
    sign: at % 2 === 0 ? 1 : -1,
  }));
  const plain = plainKernels(0);
  const [add, subtract] =
    wordBits === 32 ? [plain.addWords32, plain.subtractWords32] : [plain.addWords16, plain.subtractWords16];
  const plainMasks = () => {
    const streams = masks.map(({ key, sign }) => ({ stream: new MaskStream(key), sign }));
    for (let at = 0; at < vector.length; at += tileSizeBytes) {
      const sizeBytes = Math.min(tileSizeBytes, vector.length - at);
      plain.memory.fill(0, sumAt, sumAt + sizeBytes);
      for (const { stream, sign } of streams) {
        stream.next(sizeBytes, plain.memory, termsAt);
        (sign === 1 ? add : subtract)(sumAt, termsAt, (8 * sizeBytes) / wordBits, 1);
      }
      vector.set(plain.memory.subarray(sumAt, sumAt + sizeBytes), at);
    }
  };
  const list: Candidate[] = [
    { name: `mask u${wordBits}`, run: () => expandMasks(config, masks, whole, vector) },
    { name: `aes-256-ctr u${wordBits}`, run: () => aesAlone(masks, vector.length) },
    { name: `plain loop u${wordBits}`, run: plainMasks },
  ];
  if (wordBits === 32)
    list.push({
      name: 'mask u32 of one neighbour alone',
      run: () => expandMasks(config, masks.slice(0, 1), whole, vector),
    });
  return list;
}

/** As quick as we know how to run it: over the product's tiles, each given back at once (see `MaskStream`), neither copied nor added. */
function aesAlone(masks: readonly MaskTerm[], sizeBytes: number): void {
  const ciphers = masks.map(({ key }) => createCipheriv('aes-256-ctr', key.expose(), new Uint8Array(16)));
  for (let at = 0; at < sizeBytes; at += tileSizeBytes)
    for (const cipher of ciphers) {
      const tile = cipher.update(zeros.subarray(0, Math.min(tileSizeBytes, sizeBytes - at)));
      nowhere.postMessage(undefined, [tile.buffer as ArrayBuffer]);
    }
}

function memcpy(vectorLength: number): Candidate {
  const [from, to] = [new Uint8Array(4 * vectorLength).fill(1), new Uint8Array(4 * vectorLength)];
  return { name: 'memcpy u32', run: () => to.set(from) };
}
