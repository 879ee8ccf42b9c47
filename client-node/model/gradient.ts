import type { Architecture } from '@hansa/shared/model';
import type { Manifest } from '@hansa/shared/numeric';
import * as tf from '@tensorflow/tfjs';
import type { WindowBatch } from '../data/windows.ts';
import { demandLoss } from './demandHead.ts';
import { type Calendar, demandInputs, demandTargets } from './demandInputs.ts';
import { forecastDemand, type Parameters } from './demandModel.ts';
import { valuesOf } from './denseKernel.ts';

/** What a model's weights mean: its architecture, where its tensors lie, and the calendar of the data. */
export interface ModelShape {
  readonly architecture: Architecture;
  readonly manifest: Manifest;
  readonly calendar: Calendar;
}

/**
 * Loss of a batch and its gradient as a flat vector in the manifest's order. Leaves no tensor behind.
 *
 * @param gradient where it goes, as long as the weights; fresh memory costs the largest models a twentieth of a step
 */
export function lossAndGradient(
  { architecture, manifest, calendar }: ModelShape,
  weights: Float32Array,
  batch: WindowBatch,
  gradient: Float32Array = new Float32Array(weights.length),
): { loss: number; gradient: Float32Array } {
  let loss = 0;
  tf.tidy(() => {
    const inputs = demandInputs(batch, architecture, calendar);
    const targets = demandTargets(batch, calendar);
    const tensors = [...parametersOf(manifest, weights).values()];
    const { value, grads } = tf.valueAndGrads((...tensors: tf.Tensor[]) => {
      const parameters = new Map(manifest.map(({ name }, index) => [name, tensors[index]!]));
      return demandLoss(forecastDemand(parameters, architecture, inputs), targets);
    })(tensors);
    loss = value.dataSync()[0]!;
    manifest.forEach(({ offset }, index) => {
      gradient.set(valuesOf(grads[index]!), offset);
    });
  });
  return { loss, gradient };
}

/** Loss of a batch. Leaves no tensor behind. */
export function lossOf(
  { architecture, manifest, calendar }: ModelShape,
  weights: Float32Array,
  batch: WindowBatch,
): number {
  return tf.tidy(() => {
    const forecast = forecastDemand(
      parametersOf(manifest, weights),
      architecture,
      demandInputs(batch, architecture, calendar),
    );
    return demandLoss(forecast, demandTargets(batch, calendar)).dataSync()[0]!;
  });
}

/** Forecast of a batch: [n, F, 8, 14] in units of s (the sum row in units of s · periods). Leaves no tensor behind. */
export function forecastOf(
  { architecture, manifest, calendar }: ModelShape,
  weights: Float32Array,
  batch: WindowBatch,
): Float32Array {
  return tf.tidy(
    () =>
      forecastDemand(
        parametersOf(manifest, weights),
        architecture,
        demandInputs(batch, architecture, calendar),
      ).dataSync() as Float32Array,
  );
}

function parametersOf(manifest: Manifest, weights: Float32Array): Parameters {
  return new Map(
    manifest.map(({ name, shape, offset }) => {
      const count = shape.reduce((product, dimension) => product * dimension, 1);
      return [name, tf.tensor(weights.subarray(offset, offset + count), [...shape])];
    }),
  );
}
