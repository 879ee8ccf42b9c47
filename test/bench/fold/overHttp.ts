import { statfs } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { HansaError } from '@hansa/shared/errors';
import { measure } from '../measure.ts';
import { type BenchCase, withinLimit } from '../report.ts';
import { UploadServerProcess } from './uploadServerProcess.ts';

const repeats = 9;
/** Uploads at once: enough that the server, on its one thread, never waits for them. */
const atOnce = 4;
/** 70 % of the rate, as a ratio of times. */
const limit = 1 / 0.7;
const peakLimitBytes = 250e6;
const growthLimitBytes = 20e6;
const say = (text: string) => process.stderr.write(`${text}\n`);

/**
 * What folding adds to an upload: four vectors at once over HTTP on the loopback, from the first byte sent to the last answer.
 *
 * Both go the product's whole way: signed requests, fastify, tus, the spool's files forced to disk, SHA-256. They differ in what the order of an
 * upload does with a chunk that is on disk: a cohort's sum folds it, or nothing happens. Both alternate on the same server; the least of all repeats,
 * since other processes only ever add to it.
 */
export function uploadWithFold(params: number): Promise<BenchCase[]> {
  return UploadServerProcess.with(atOnce, params, async (server) => {
    const clients = Array.from({ length: atOnce }, (_, index) => index);
    const candidate = (name: string, isFolded: boolean) => ({
      name,
      askNs: async () => {
        const began = process.hrtime.bigint();
        await server.upload(clients, atOnce, isFolded);
        const tookNs = Number(process.hrtime.bigint() - began);
        await server.discard();
        return tookNs;
      },
    });
    const [against, name] = ['upload without fold', 'upload with fold'];
    const timings = await measure([candidate(against, false), candidate(name, true)], repeats);
    const perWord = (of: string) => timings.get(of)!.leastNs / (atOnce * params);
    const ratio = perWord(name) / perWord(against);
    const medians = timings.get(name)!.medianNs / timings.get(against)!.medianNs;
    say(
      `upload: ${perWord(name).toFixed(2)} ns per word with fold, ${perWord(against).toFixed(2)} without: ${(100 / ratio).toFixed(0)} % of its rate (at least 70 %; by medians ${(100 / medians).toFixed(0)} %)`,
    );
    return [
      { name: against, value: perWord(against), unit: 'ns per word' },
      { name, value: perWord(name), unit: 'ns per word', against, ratio, limit, pass: ratio <= limit },
    ];
  });
}

/**
 * The most memory a coordinator ever holds while it takes the vectors of so many clients, some at once, and opens their sum.
 *
 * The process is a whole coordinator that is idle, and beside it the parts through which vectors go. Every vector is streamed, spooled, hashed and folded, and
 * stays in the spool until the sum is open, as in a round: the disk needs room for all. The control messages of a round are left out; `bench -- round` has them.
 */
export async function peakMemory(clients: readonly number[], params: number): Promise<BenchCase[]> {
  const peaks: number[] = [];
  for (const count of clients) {
    await assertRoomFor(count * 4 * params);
    peaks.push(await peakOf(count, params));
    say(`${count} clients of ${params} parameters: at most ${(peaks.at(-1)! / 1e6).toFixed(0)} MB`);
  }
  const cases = clients.map((count, at) =>
    withinLimit(`coordinator peak memory, ${count} clients`, peaks[at]!, 'B', peakLimitBytes),
  );
  if (clients.length === 1) return cases;
  const growth = peaks.at(-1)! - peaks[0]!;
  return [...cases, withinLimit('coordinator peak memory, last above first', growth, 'B', growthLimitBytes)];
}

function peakOf(count: number, params: number): Promise<number> {
  return UploadServerProcess.with(count, params, async (server) => {
    const clients = Array.from({ length: count }, (_, index) => index);
    await server.upload(clients, atOnce, true);
    say(`${count} vectors are there; the most memory so far is ${(server.peakRssBytes() / 1e6).toFixed(0)} MB`);
    const weight = await server.open();
    if (weight <= 0) throw new HansaError('ProcessFailed', 'The sum did not open.');
    await server.discard();
    return server.peakRssBytes();
  });
}

async function assertRoomFor(sizeBytes: number): Promise<void> {
  const { bavail, bsize } = await statfs(tmpdir());
  const needed = 1.1 * sizeBytes + 1e9;
  if (bavail * bsize >= needed) return;
  throw new HansaError(
    'InvalidArgument',
    `The spool needs ${(needed / 1e9).toFixed(1)} GB in ${tmpdir()}, which has ${((bavail * bsize) / 1e9).toFixed(1)} GB. Free some, or measure fewer clients with --clients.`,
  );
}
