import type { Architecture, JobName } from '@hansa/shared/model';
import { elementCount, type Manifest } from '@hansa/shared/numeric';
import * as tf from '@tensorflow/tfjs';
import { recorded } from '../engines/native/recordedSteps.ts';
import type { Batch } from '../jobs/examples.ts';
import type { JobModel } from '../jobs/job.ts';
import { jobModel } from '../jobs/models.ts';
import { valuesOf } from '../model/denseKernel.ts';
import type { Parameters } from '../model/encoder.ts';
import { type FrozenWeights, residentTensors } from './frozenWeights.ts';

/** What a vector of weights means: the model's architecture, the job that it is used for, and where the vector's tensors lie. */
export interface ModelShape {
  readonly architecture: Architecture;
  readonly job: JobName;
  /** The tensors that the vector holds: those that are trained. */
  readonly manifest: Manifest;
  /** Where only a part is trained: all other tensors. They stay on the engine once they were used, until someone releases them. */
  readonly frozen?: readonly FrozenWeights[];
  /** [vocabularySize, hiddenSize] the word embeddings, where the job's examples name words. Rows are looked up: the table never goes to the engine. */
  readonly words?: Float32Array | undefined;
  /** What the products of LoRA's factors are multiplied with, where the tensors have such factors. */
  readonly loraScale?: number | undefined;
}

/**
 * Loss of a batch and its gradient as a flat vector in the manifest's order. Leaves no tensor behind.
 *
 * @param gradient where the gradient goes, of the weights' length; otherwise a vector of its own
 */
export async function lossAndGradient(
  shape: ModelShape,
  weights: Float32Array,
  batch: Batch,
  gradient: Float32Array = new Float32Array(weights.length),
): Promise<{ loss: number; gradient: Float32Array }> {
  const model = jobModel(shape.job);
  const results = tf.tidy(() => {
    const { tensors, compute } = gradientOf(model, shape, weights, batch);
    return recorded(kindOf(shape), tensors, compute);
  });
  let loss = Number.NaN;
  await takeEach(results, (values, index) => {
    if (index === 0) loss = values[0]!;
    else gradient.set(values, shape.manifest[index - 1]!.offset);
  });
  return { loss, gradient };
}

/** The most bytes that tensors take at one time while a gradient is computed operation by operation, beside those of the frozen ones. */
export async function peakBytesOfGradient(shape: ModelShape, weights: Float32Array, batch: Batch): Promise<number> {
  const model = jobModel(shape.job);
  // The first step would count them, and the next ones not.
  shape.frozen?.forEach(residentTensors);
  const before = tf.memory().numBytes;
  const { peakBytes } = await tf.profile(() => tf.tidy(() => gradientOf(model, shape, weights, batch).compute()[0]!));
  return peakBytes - before;
}

/** Everything that a gradient's operations depend on beside their tensors and their shapes. */
export function kindOf({ architecture, job, manifest, loraScale }: ModelShape): string {
  return JSON.stringify(['gradient', architecture, job, manifest.map(({ name }) => name), loraScale]);
}

/** The tensors that a gradient is made of, and how: the loss, then the gradient of each trained tensor. */
function gradientOf(
  model: JobModel,
  shape: ModelShape,
  weights: Float32Array,
  batch: Batch,
): { tensors: tf.Tensor[]; compute: () => tf.Tensor[] } {
  const { architecture, manifest, frozen = [], words } = shape;
  const inputs = model.inputs(batch, architecture, words);
  const targets = model.targets(batch);
  const trained = tensorsOf(manifest, weights);
  return {
    tensors: [
      ...trained,
      ...tensorsAmong(inputs),
      ...tensorsAmong(targets),
      ...frozen.flatMap((part) => [...residentTensors(part).values()]),
    ],
    compute: () => {
      const loss = () => model.loss(model.forward(parametersOf(shape, trained), architecture, inputs), targets);
      const { value, grads } = tf.engine().gradients(loss, trained, undefined, true);
      // A job need not read every tensor that its task trains, such as the encoder's types of tokens.
      return [value, ...trained.map((tensor, index) => grads[index] ?? tf.zerosLike(tensor))];
    },
  };
}

/** Mean loss of a batch. Leaves no tensor behind. */
export async function lossOf(shape: ModelShape, weights: Float32Array, batch: Batch): Promise<number> {
  const model = jobModel(shape.job);
  const result = tf.tidy(() => model.loss(answerTensor(model, shape, weights, batch), model.targets(batch)));
  let loss = Number.NaN;
  await takeEach([result], (values) => {
    loss = values[0]!;
  });
  return loss;
}

/** The model's answers to a batch, flat, in the shape that the job gives them. Leaves no tensor behind. */
export async function answersOf(shape: ModelShape, weights: Float32Array, batch: Batch): Promise<Float32Array> {
  const model = jobModel(shape.job);
  let answers = new Float32Array(0);
  await takeEach([tf.tidy(() => answerTensor(model, shape, weights, batch))], (values) => {
    answers = values.slice();
  });
  return answers;
}

/** Hands each tensor's numbers to `take`, which may not keep them, and disposes of them all. WebGPU can be read only by waiting. */
async function takeEach(
  tensors: readonly tf.Tensor[],
  take: (values: Float32Array, index: number) => void,
): Promise<void> {
  try {
    const isRemote = tf.getBackend() === 'webgpu';
    const waited = isRemote ? await Promise.all(tensors.map((tensor) => tensor.data<'float32'>())) : [];
    tensors.forEach((tensor, index) => {
      take(waited[index] ?? valuesOf(tensor), index);
    });
  } finally {
    tf.dispose([...tensors]);
  }
}

function answerTensor(model: JobModel, shape: ModelShape, weights: Float32Array, batch: Batch): tf.Tensor2D {
  const { architecture, manifest, words } = shape;
  return model.forward(
    parametersOf(shape, tensorsOf(manifest, weights)),
    architecture,
    model.inputs(batch, architecture, words),
  );
}

function parametersOf({ manifest, frozen, loraScale }: ModelShape, trained: readonly tf.Tensor[]): Parameters {
  const byName = new Map(manifest.map(({ name }, index) => [name, trained[index]!]));
  const others = (frozen ?? []).map(residentTensors);
  return {
    get: (name) => byName.get(name) ?? others.find((tensors) => tensors.has(name))?.get(name),
    isFrozen: (name) => !byName.has(name),
    loraScale: loraScale ?? 1,
  };
}

function tensorsOf(manifest: Manifest, weights: Float32Array): tf.Tensor[] {
  return manifest.map(({ shape, offset }) =>
    tf.tensor(weights.subarray(offset, offset + elementCount(shape)), [...shape]),
  );
}

/** The tensors among the values of an object, in the order of its keys. */
const tensorsAmong = (values: object): tf.Tensor[] =>
  Object.values(values).filter((value) => value instanceof tf.Tensor);
