import { z } from 'zod';
import type { Architecture } from './architecture.ts';

/** The matrices of a block that LoRA can adapt, and their names within the block (Hugging Face's). */
export const loraTargets = {
  query: 'attention.self.query',
  key: 'attention.self.key',
  value: 'attention.self.value',
  attentionOutput: 'attention.output.dense',
  intermediate: 'intermediate.dense',
  output: 'output.dense',
} as const;
export type LoraTarget = keyof typeof loraTargets;
const targetNames = Object.keys(loraTargets) as [LoraTarget, ...LoraTarget[]];

const isUnique = (values: readonly unknown[]): boolean => new Set(values).size === values.length;

const loraSettings = {
  /** r: inner dimension of the product that is added to a matrix. */
  rank: z.int().min(1).max(256).default(8),
  /** The product is scaled by alpha / rank. */
  alpha: z.number().positive().max(1024).default(16),
  targets: z.array(z.enum(targetNames)).min(1).refine(isUnique, 'names a target twice').default(['query', 'value']),
  /** Blocks that are adapted, from 0; all where absent. */
  layers: z.array(z.int().min(0).max(23)).min(1).refine(isUnique, 'names a layer twice').optional(),
  /** Groups of tensors that are trained whole besides the factors. */
  alsoTrain: z
    .array(z.enum(['embedder', 'head']))
    .refine(isUnique, 'names a group twice')
    .default(['head']),
};

/**
 * What a task trains, sends and averages of a model.
 *
 * - `full`: all of it.
 * - `headOnly`: the heads; encoder and embedders stay as they are.
 * - `lora`: Hu et al. 2022, W + alpha/rank · B·A. A is drawn from the plan's seed and never trained (FFA-LoRA, Sun et al. 2024): B enters the
 *   product linearly, so the mean of the members' B gives the mean of their products exactly. Nobody sends A.
 * - `roLora`: Chen et al. 2025, odd rounds train B while A stays, even rounds A while B stays. Each round's mean is exact in the same way. The round's number
 *   decides, because every member's signature binds it. A number that a lost round used is not trained again: after a lost round 1, A has a gradient of 0 in round 2.
 */
export const trainingModeSchema = z.discriminatedUnion('kind', [
  z.strictObject({ kind: z.literal('full') }),
  z.strictObject({ kind: z.literal('headOnly') }),
  z.strictObject({ kind: z.literal('lora'), ...loraSettings }),
  z.strictObject({ kind: z.literal('roLora'), ...loraSettings }),
]);
export type TrainingMode = z.output<typeof trainingModeSchema>;
export type LoraMode = Extract<TrainingMode, { kind: 'lora' | 'roLora' }>;

export const isLora = (mode: TrainingMode): mode is LoraMode => mode.kind === 'lora' || mode.kind === 'roLora';

/** Names of the matrices that LoRA adapts, without their `.weight`: block by block, in the order of the mode's targets. */
export function adaptedMatrices({ encoder }: Architecture, { targets, layers }: LoraMode): string[] {
  const blocks = layers ?? Array.from({ length: encoder.layers }, (_, layer) => layer);
  return blocks.flatMap((layer) => targets.map((target) => `bert.encoder.layer.${layer}.${loraTargets[target]}`));
}

/**
 * Names of the two factors of a matrix's adapter: A [rank, in], B [out, rank].
 *
 * They follow those of the library PEFT, without its prefix `base_model.model.`; PEFT cannot load the file, which in mode `lora` holds no A.
 */
export const factorNames = (matrix: string): { a: string; b: string } => ({
  a: `${matrix}.lora_A.weight`,
  b: `${matrix}.lora_B.weight`,
});
