import type { z } from 'zod';

/** The part of an encoder's shape that a job's own tensors follow from. */
export interface EncoderWidth {
  readonly hiddenSize: number;
}

/** A tensor as a job declares it; its place in the flat vector follows from the order. */
export interface TensorShape {
  readonly name: string;
  readonly shape: readonly number[];
  /** The numbers that it starts with; where absent, the standard ones of its kind (client-node/model/initialise.ts). */
  readonly start?: () => Float32Array;
}

/** A number that nodes report with their update, inside the masked sum: only its mean over the members is ever known. */
export interface TailMetric {
  /** Letters and digits, the first a lower-case letter. */
  readonly name: string;
  /** Smaller values are reported as this. */
  readonly low: number;
  /** Larger values are reported as this; `maxLoss` is the task's `secureAggregation.maxLoss`. */
  readonly high: number | 'maxLoss';
}

/** What a coordinator and its nodes must agree on about a job: what a model is used for, such as demand forecasts. */
export interface JobTerms<Geometry, Options extends { readonly kind: string }> {
  /** Schema of `architecture.heads[job]`: the sizes that the job's own tensors follow from. */
  readonly geometry: z.ZodType<Geometry>;
  /** The geometry of a model of any of the named sizes. */
  readonly standardGeometry: Geometry;
  /** Tokens of the job's longest sequence, CLS included: at most the encoder's positions. */
  longestSequence(geometry: Geometry): number;
  /** Names of the tensors that turn inputs into tokens begin with this. */
  readonly embedderPrefix: string;
  /** Tensors that turn the job's inputs into tokens. */
  embedder(encoder: EncoderWidth, geometry: Geometry): readonly TensorShape[];
  /** Names of the tensors that turn encoded tokens into answers begin with this. */
  readonly headPrefix: string;
  /** Tensors that turn encoded tokens into answers. */
  head(encoder: EncoderWidth, geometry: Geometry): readonly TensorShape[];
  /** Schema of a plan's `job`: the job's name as `kind`, and what a task may choose. */
  readonly options: z.ZodType<Options>;
  /** What nodes report besides the losses, by name: metrics of the received model on their own validation examples. */
  readonly tail: readonly TailMetric[];
}

/** Weight [outputs, inputs] and bias [outputs] of a linear layer. */
export const linearLayer = (name: string, outputs: number, inputs: number): TensorShape[] => [
  { name: `${name}.weight`, shape: [outputs, inputs] },
  { name: `${name}.bias`, shape: [outputs] },
];
