import { createCipheriv, createHash } from 'node:crypto';
import { createWriteStream } from 'node:fs';
import { pipeline } from 'node:stream/promises';
import { enrolNode, readNodeConfig, runNode, SocketConnection } from '@hansa/client-node/session';
import type { Trainer } from '@hansa/client-node/trainer';
import { systemClock } from '@hansa/shared/clock';
import { createLogger } from '@hansa/shared/log';
import { systemRandom } from '@hansa/shared/random';
import { noTrainer } from '../../endToEnd/noTrainer.ts';

const TILE_LENGTH = 65_536;

/**
 * A client node that trains nothing: its update is seeded noise of the model's length. Everything else is the product: enrolment, the protocol, masks,
 * spool and upload. The product cannot be configured to do this.
 *
 * Arguments: config file, join token, numbers in the update, seed.
 */
export async function main([configFile, token, length, seed]: readonly string[]): Promise<number> {
  if (configFile === undefined || token === undefined) throw new RangeError('config file and join token are needed');
  const config = readNodeConfig(configFile);
  const stopping = new AbortController();
  process.once('SIGTERM', () => stopping.abort());
  const alive = setInterval(() => undefined, 1_000_000);
  await enrolNode(config, token, systemRandom, stopping.signal);
  /** Of the last round that was committed, from M3 on; the making of the next set-up falls into it where there is one. */
  let processorSeconds = 0;
  let before = process.cpuUsage();
  try {
    await runNode({
      config,
      clock: systemClock,
      random: systemRandom,
      log: createLogger('bench-node', 'warn'),
      signal: stopping.signal,
      untilTaskEnds: true,
      onEvent: ({ type }) => {
        if (type === 'roundStarted') before = process.cpuUsage();
        if (type !== 'roundCommitted') return;
        const { user, system } = process.cpuUsage(before);
        processorSeconds = (user + system) / 1e6;
      },
      connect: (options) => new SocketConnection(options),
      startTrainer: async () => syntheticTrainer(Number(length), Number(seed)),
    });
    process.stdout.write(`${JSON.stringify({ processorSeconds })}\n`);
    return 0;
  } finally {
    clearInterval(alive);
  }
}

function syntheticTrainer(length: number, seed: number): Trainer {
  return {
    ...noTrainer('synthetic updates: nothing is trained'),
    async train({ updateFile, training }) {
      await pipeline(noise(length, seed), createWriteStream(updateFile));
      return {
        steps: training.steps,
        stepsInUpdate: training.steps,
        examples: 1,
        trainLoss: 1,
        validationLoss: 1,
        metrics: {},
        examplesAtOnce: 1,
        peakMemoryBytes: 0,
        seconds: 0,
      };
    },
  };
}

/** `length` float32 numbers between -0.001 and 0.001, little-endian, tile by tile. */
function* noise(length: number, seed: number): Generator<Uint8Array> {
  const stream = createCipheriv('aes-256-ctr', createHash('sha256').update(`bench-${seed}`).digest(), Buffer.alloc(16));
  for (let start = 0; start < length; start += TILE_LENGTH) {
    const bytes = stream.update(Buffer.alloc(4 * Math.min(TILE_LENGTH, length - start)));
    const words = new Uint32Array(new Uint8Array(bytes).buffer);
    const tile = new Float32Array(words.length);
    for (let at = 0; at < tile.length; at++) tile[at] = (words[at]! / 2 ** 31 - 1) * 1e-3;
    yield new Uint8Array(tile.buffer);
  }
}
