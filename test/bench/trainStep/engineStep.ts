import { readFileSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { ModelSize } from '@hansa/shared/model';
import { activate, type EngineName } from '../../../client-node/engines/engine.ts';
import { trainingGradient } from '../../../client-node/gradient/threads/trainingGradient.ts';
import { adamW } from '../../../client-node/training/optimizer.ts';
import { sampleOf, shapeOf, startOf } from './sample.ts';

const LEARNING_RATE = 1e-3;
const GRADIENT_NORM = 1;
const LEAST_STEPS = 3;
const MOST_STEPS = 300;
const ENOUGH_MS = 8_000;

/**
 * One engine's training steps in a process of its own: arguments engine, size, folder. The gradient of the first batch goes into the folder, then whole steps
 * are timed as the product takes them: the batch's tensors, forward, backward, the gradient read back, clipped, AdamW.
 *
 * Its last line of output is JSON: loss, the least and the median step in milliseconds, the process's peak memory.
 */
export async function main([engine, size, folder]: readonly string[]): Promise<void> {
  await activate(engine as EngineName);
  const shape = shapeOf(size as ModelSize);
  const batch = sampleOf();
  const start = startOf(shape);
  const { loss, gradient } = await trainingGradient(shape, start, batch);
  await writeFile(join(folder!, `gradient-${engine}.f32`), new Uint8Array(gradient.buffer));
  const optimizer = adamW(shape.manifest, { longest: GRADIENT_NORM });
  optimizer.weights.set(start);
  const tookMs: number[] = [];
  const began = performance.now();
  while (tookMs.length < LEAST_STEPS || (tookMs.length < MOST_STEPS && performance.now() - began < ENOUGH_MS)) {
    const start = performance.now();
    await trainingGradient(shape, optimizer.weights, batch, optimizer.gradient);
    optimizer.step(LEARNING_RATE);
    tookMs.push(performance.now() - start);
    // A step of half a minute says enough.
    if (tookMs.at(-1)! > 2 * ENOUGH_MS) break;
  }
  tookMs.sort((left, right) => left - right);
  const peak = /^VmHWM:\s+(\d+) kB$/m.exec(readFileSync('/proc/self/status', 'utf8'));
  process.stdout.write(
    `${JSON.stringify({
      loss,
      leastMs: tookMs[0],
      medianMs: tookMs[tookMs.length >> 1],
      steps: tookMs.length,
      peakRssBytes: peak === null ? 0 : Number(peak[1]) * 1024,
    })}\n`,
  );
  process.exit(0);
}
