import { execFile } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { type EngineName, missingPart } from '@hansa/client-node/compute';
import { HansaError } from '@hansa/shared/errors';
import type { ModelSize } from '@hansa/shared/model';
import { z } from 'zod';
import { pytorch, startPeer } from '../peers/peer.ts';
import type { BenchCase, BenchResult } from '../report.ts';
import { shapeOf, writeSample } from './sample.ts';

const program = fileURLToPath(new URL('engineStep.mjs', import.meta.url));
const pytorchScript = new URL('pytorchStep.py', import.meta.url);
/** PyTorch's step may be taken this many times: by the native engine, and by what every machine has. */
const nativeLimit = 1.5;
const embeddedLimit = 5;
/** Gradients of two engines may differ by this much, relative to the gradient. */
const agreement = 1e-5;
const PYTORCH_SECONDS = 8;

const stepsSchema = z.object({
  loss: z.number(),
  leastMs: z.number(),
  medianMs: z.number(),
  steps: z.number(),
  peakRssBytes: z.number(),
});
type Steps = z.infer<typeof stepsSchema>;

const say = (text: string) => process.stderr.write(`${text}\n`);

/**
 * A training step on every engine that runs here, each in a process of its own on one core and on two.
 *
 * With `peers` beside the same model, loss and optimiser in current PyTorch on the same cores: scaled_dot_product_attention, its own GELU and LayerNorm,
 * AdamW over all tensors at once, its input ready in memory, where ours makes its tensors from the windows in every step and reads the gradient
 * back. The least step of each counts. Both start from the same weights and windows, and their first gradients are compared.
 */
export async function benchTrainStep(options: {
  sizes: readonly ModelSize[];
  cores: readonly number[];
  engines: readonly EngineName[];
  peers: boolean;
}): Promise<BenchResult> {
  const cases: BenchCase[] = [];
  const gradients: Record<string, number> = {};
  const worst: Record<'native' | 'embedded', number | undefined> = { native: undefined, embedded: undefined };
  const engines = options.engines.filter((name) => missingPart(name) === undefined);
  let versions: unknown;
  for (const size of options.sizes) {
    const folder = mkdtempSync(join(tmpdir(), 'hansa-bench-step-'));
    try {
      await writeSample(shapeOf(size), folder);
      for (const cores of options.cores) {
        const theirs = options.peers ? await pytorchSteps(folder, cores) : undefined;
        versions ??= theirs?.versions;
        const place = `${size}/${cores}`;
        if (theirs !== undefined) {
          cases.push(...told(`pytorch/${place}`, theirs.steps));
          say(`pytorch/${place}: ${describe(theirs.steps)}`);
        }
        for (const engine of engines) {
          const name = `${engine}/${place}`;
          const steps = await engineSteps(engine, size, folder, cores);
          const kind = engine.startsWith('tfjs-node') ? 'native' : engine === 'wasm' ? 'embedded' : undefined;
          const ratio = theirs && steps.leastMs / theirs.steps.leastMs;
          cases.push(...told(name, steps, kind, ratio));
          if (kind !== undefined && ratio !== undefined) worst[kind] = Math.max(worst[kind] ?? 0, ratio);
          const off =
            theirs && difference(join(folder, `gradient-${engine}.f32`), join(folder, 'gradient-pytorch.f32'));
          if (off !== undefined) gradients[name] = off;
          say(
            `${name}: ${describe(steps)}${ratio === undefined ? '' : `, ${ratio.toFixed(2)} of PyTorch's`}${off === undefined ? '' : `, its gradient off by ${off.toExponential(1)}`}`,
          );
          if (off !== undefined)
            cases.push({
              name: `${name}, gradient against PyTorch's`,
              value: off,
              unit: 'relative',
              limit: agreement,
              pass: off <= agreement,
            });
        }
      }
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  }
  return { ...worst, gradients, cases, ...(versions === undefined ? {} : { pytorch: versions }) };
}

function told(name: string, steps: Steps, kind?: 'native' | 'embedded', ratio?: number): BenchCase[] {
  const limit = kind && { native: nativeLimit, embedded: embeddedLimit }[kind];
  return [
    {
      name,
      value: steps.leastMs,
      unit: 'ms',
      ...(ratio === undefined ? {} : { against: name.replace(/^[^/]+/, 'pytorch'), ratio }),
      ...(ratio === undefined || limit === undefined ? {} : { limit, pass: ratio <= limit }),
    },
    { name: `${name}, peak memory`, value: steps.peakRssBytes, unit: 'B' },
  ];
}

const describe = ({ leastMs, medianMs, steps, peakRssBytes }: Steps): string =>
  `${leastMs.toFixed(1)} ms a step (median ${medianMs.toFixed(1)} of ${steps}), ${(peakRssBytes / 1e6).toFixed(0)} MB`;

/** The first cores of the machine, so many. Only Linux can hold a process to them. */
const pinned = (cores: number): string => Array.from({ length: cores }, (_, core) => core).join(',');

async function engineSteps(engine: EngineName, size: ModelSize, folder: string, cores: number): Promise<Steps> {
  const { stdout } = await promisify(execFile)(
    'taskset',
    ['-c', pinned(cores), process.execPath, program, engine, size, folder],
    { maxBuffer: 2 ** 24 },
  ).catch((error: Error) => {
    throw new HansaError('ProcessFailed', `${engine} did not take its steps: ${error.message.slice(0, 1000)}`);
  });
  return stepsSchema.parse(JSON.parse(stdout.trim().split('\n').at(-1)!));
}

async function pytorchSteps(folder: string, cores: number): Promise<{ steps: Steps; versions: unknown }> {
  const peer = await startPeer(pytorch, pytorchScript, cores);
  try {
    return {
      versions: peer.versions,
      steps: stepsSchema.parse(await peer.ask(`${folder} ${cores} ${PYTORCH_SECONDS}`)),
    };
  } finally {
    peer.end();
  }
}

/** |a − b| / |b| of two files of float32. */
function difference(left: string, right: string): number {
  const [a, b] = [left, right].map((file) => new Float32Array(new Uint8Array(readFileSync(file)).buffer)) as [
    Float32Array,
    Float32Array,
  ];
  const norm = (values: Float32Array) => Math.sqrt(values.reduce((sum, value) => sum + value * value, 0));
  return norm(a.map((value, at) => value - b[at]!)) / norm(b);
}
