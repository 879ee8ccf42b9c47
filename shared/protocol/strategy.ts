import { z } from 'zod';
import type { TailWord } from './secagg/config.ts';

/** η: the step of the new model along the direction that the strategy computes from the mean update. */
const serverLearningRate = (standard: number) => z.number().positive().max(10).default(standard);

/** A decay rate β: the share of a running mean that a round keeps. */
const decay = (standard: number) => z.number().min(0).lt(1).default(standard);

/** Settings of the optimisers that divide their step by a running size of the updates (Reddi et al. 2021). */
const adaptive = {
  // An adaptive step moves every parameter by about η for updates of any size: the paper's tuned rates for transformers are around 0.01.
  serverLearningRate: serverLearningRate(0.01),
  /** τ: added to the divisor. The paper finds 10^-3 good for most of its tasks. */
  tau: z.number().positive().max(1).default(1e-3),
  /** v before the first round; τ² where absent, the least that the paper allows. */
  initialAccumulator: z.number().min(0).max(1e6).optional(),
};

/**
 * How the coordinator makes the next model from a round's mean update Δ: a task file's `strategy`.
 *
 * | name | next model | source |
 * | --- | --- | --- |
 * | fedAvg | x + ηΔ | McMahan et al. 2017 |
 * | fedAvgM | m = βm + Δ; x + ηm | Hsu et al. 2019 |
 * | fedAdagrad | v = v + Δ²; x + ηΔ/(√v + τ) | Reddi et al. 2021 |
 * | fedAdam | m = β₁m + (1−β₁)Δ, v = β₂v + (1−β₂)Δ²; x + ηm/(√v + τ) | Reddi et al. 2021 |
 * | fedYogi | as fedAdam, with v = v − (1−β₂)Δ²·sign(v − Δ²) | Reddi et al. 2021 |
 * | fedNova | x + η · τ · ΣaᵢΔᵢ/τᵢ / Σaᵢ, with τ = Σaᵢτᵢ / Σaᵢ, for members who took τᵢ steps | Wang et al. 2020 |
 * | scaffold | x + ηΔ, where members add c − cᵢ to their gradients; c + \|S\|/N · mean of (cᵢ⁺ − cᵢ) | Karimireddy et al. 2020 |
 *
 * Defaults are those of the papers. FedProx (Li et al. 2020) changes only the members' training, and can be used with any of these: a plan's `proximalMu`.
 */
export const strategySchema = z.discriminatedUnion('name', [
  z.strictObject({ name: z.literal('fedAvg'), serverLearningRate: serverLearningRate(1) }),
  z.strictObject({ name: z.literal('fedAvgM'), serverLearningRate: serverLearningRate(1), momentum: decay(0.9) }),
  z.strictObject({ name: z.literal('fedAdagrad'), ...adaptive }),
  z.strictObject({ name: z.literal('fedAdam'), ...adaptive, beta1: decay(0.9), beta2: decay(0.99) }),
  z.strictObject({ name: z.literal('fedYogi'), ...adaptive, beta1: decay(0.9), beta2: decay(0.99) }),
  z.strictObject({ name: z.literal('fedNova'), serverLearningRate: serverLearningRate(1) }),
  z.strictObject({
    name: z.literal('scaffold'),
    serverLearningRate: serverLearningRate(1),
    /** L2 bound on what a member's control variate changes by in a round. */
    controlClipNorm: z.number().min(1e-6).max(1e6).default(10),
  }),
]);
export type StrategySettings = z.output<typeof strategySchema>;
export type StrategyName = StrategySettings['name'];

/**
 * What members report for their task's strategy inside the masked sum.
 *
 * In FedNova it is aᵢτᵢ, a whole number that is sent exactly: each step of the word is 1.
 *
 * @param steps E: the most steps that a member takes in a round
 * @param weightMax W: the largest weight
 */
export function strategyTail({ name }: StrategySettings, steps: number, weightMax: number): readonly TailWord[] {
  if (name !== 'fedNova') return [];
  const most = steps * weightMax;
  return [{ name: 'weightedSteps', low: 0, high: most, steps: most }];
}

/** A part of the vector beside the update, and the L2 norm that members clip it to. */
interface StrategyPart {
  readonly name: 'control';
  readonly length: number;
  readonly clipNorm: number;
}

/**
 * What members send behind the update, summed under the same masks: in SCAFFOLD the change of their control variates.
 *
 * @param length numbers that the task trains
 */
export function strategyParts(settings: StrategySettings, length: number): readonly StrategyPart[] {
  if (settings.name !== 'scaffold') return [];
  return [{ name: 'control', length, clipNorm: settings.controlClipNorm }];
}
