import type { Architecture } from '@hansa/shared/model';
import { elementCount, type Manifest } from '@hansa/shared/numeric';
import * as tf from '@tensorflow/tfjs';
import type { WindowBatch } from '../data/windows.ts';
import { demandLoss } from './demandHead.ts';
import { type Calendar, demandInputs, demandTargets } from './demandInputs.ts';
import { forecastDemand, type Parameters } from './demandModel.ts';

/** What a vector of weights means: the model's architecture, where the vector's tensors lie, and the calendar of the data. */
export interface ModelShape {
  readonly architecture: Architecture;
  /** The tensors that the vector holds: those that are trained. */
  readonly manifest: Manifest;
  readonly calendar: Calendar;
  /** Where only a part is trained: all other tensors by name, on the engine for as long as the shape is used. */
  readonly frozen?: ReadonlyMap<string, tf.Tensor>;
  /** What the products of LoRA's factors are multiplied with, where the tensors have such factors. */
  readonly loraScale?: number | undefined;
}

/** Loss of a batch and its gradient as a flat vector in the manifest's order. Leaves no tensor behind. */
export function lossAndGradient(
  shape: ModelShape,
  weights: Float32Array,
  batch: WindowBatch,
): { loss: number; gradient: Float32Array } {
  const { architecture, manifest, calendar } = shape;
  const gradient = new Float32Array(weights.length);
  let loss = 0;
  tf.tidy(() => {
    const inputs = demandInputs(batch, architecture, calendar);
    const targets = demandTargets(batch, calendar);
    const { value, grads } = tf.valueAndGrads((...trained: tf.Tensor[]) =>
      demandLoss(forecastDemand(parametersOf(shape, trained), architecture, inputs), targets),
    )(tensorsOf(manifest, weights));
    loss = value.dataSync()[0]!;
    manifest.forEach(({ offset }, index) => {
      gradient.set(grads[index]!.dataSync(), offset);
    });
  });
  return { loss, gradient };
}

/** Loss of a batch. Leaves no tensor behind. */
export function lossOf(shape: ModelShape, weights: Float32Array, batch: WindowBatch): number {
  return tf.tidy(
    () => demandLoss(forecastTensor(shape, weights, batch), demandTargets(batch, shape.calendar)).dataSync()[0]!,
  );
}

/** Forecast of a batch: [n, F, 8, 14] in units of s (the sum row in units of s · periods). Leaves no tensor behind. */
export function forecastOf(shape: ModelShape, weights: Float32Array, batch: WindowBatch): Float32Array {
  return tf.tidy(() => forecastTensor(shape, weights, batch).dataSync() as Float32Array);
}

function forecastTensor(shape: ModelShape, weights: Float32Array, batch: WindowBatch): tf.Tensor2D {
  const { architecture, manifest, calendar } = shape;
  const parameters = parametersOf(shape, tensorsOf(manifest, weights));
  return forecastDemand(parameters, architecture, demandInputs(batch, architecture, calendar));
}

function parametersOf({ manifest, frozen, loraScale }: ModelShape, trained: readonly tf.Tensor[]): Parameters {
  const byName = new Map(manifest.map(({ name }, index) => [name, trained[index]!]));
  return {
    get: (name) => byName.get(name) ?? frozen?.get(name),
    isFrozen: (name) => !byName.has(name),
    loraScale: loraScale ?? 1,
  };
}

function tensorsOf(manifest: Manifest, weights: Float32Array): tf.Tensor[] {
  return manifest.map(({ shape, offset }) =>
    tf.tensor(weights.subarray(offset, offset + elementCount(shape)), [...shape]),
  );
}
