import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { architectureOf, type ModelSize, manifestFor } from '@hansa/shared/model';
import { seededNumbers } from '@hansa/shared/random';
import { activate } from '../../../client-node/engines/engine.ts';
import type { ModelShape } from '../../../client-node/gradient/gradient.ts';
import { demandInputs, demandTargets } from '../../../client-node/jobs/demand/inputs.ts';
import { sampleBatch } from '../../../client-node/jobs/demand/sample.ts';
import type { WindowBatch } from '../../../client-node/jobs/demand/windows.ts';
import { initialWeights } from '../../../client-node/model/index.ts';

const WINDOWS = 32;

export const sampleOf = (): WindowBatch => sampleBatch('train step', WINDOWS);

export function shapeOf(size: ModelSize): ModelShape {
  const architecture = architectureOf(size);
  return { architecture, job: 'demand', manifest: manifestFor(architecture) };
}

/** Weights a little away from the start, where many gradients are nearly 0. */
export function startOf({ architecture }: ModelShape): Float32Array {
  const numbers = seededNumbers('train step');
  return initialWeights(architecture, 1).map((weight) => weight + 0.02 * numbers.truncatedNormal());
}

/** Writes what another implementation needs to take the same step: `sample.json` and a file of float32 for each tensor it names. */
export async function writeSample(shape: ModelShape, folder: string): Promise<void> {
  await activate('cpu');
  const batch = sampleOf();
  const { count, pastPatches, futurePatches, ...inputs } = demandInputs(batch, shape.architecture);
  const tensors = { ...inputs, ...demandTargets(batch) };
  const shapes: Record<string, readonly number[]> = {};
  for (const [name, tensor] of Object.entries(tensors)) {
    shapes[name] = tensor.shape;
    await writeFile(join(folder, `${name}.f32`), new Uint8Array(Float32Array.from(await tensor.data()).buffer));
    tensor.dispose();
  }
  const weights = startOf(shape);
  await writeFile(join(folder, 'parameters.f32'), new Uint8Array(weights.buffer));
  const { encoder } = shape.architecture;
  const description = { count, pastPatches, futurePatches, encoder, manifest: shape.manifest, shapes };
  await writeFile(join(folder, 'sample.json'), JSON.stringify(description));
}
