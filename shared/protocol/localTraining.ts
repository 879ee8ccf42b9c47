import { z } from 'zod';

/** How a task's learning rate falls from one round to the next. */
const decaySchema = z.discriminatedUnion('kind', [
  z.strictObject({ kind: z.literal('constant') }),
  /** Half a cosine from the full rate in round 1 to `floor` times it in the last (Loshchilov and Hutter 2017, without restarts). */
  z.strictObject({ kind: z.literal('cosine'), floor: z.number().min(0).max(1).default(0.1) }),
  /** Times `factor` after every `everyRounds` rounds. */
  z.strictObject({
    kind: z.literal('step'),
    everyRounds: z.int().min(1).max(100_000),
    factor: z.number().positive().max(1).default(0.5),
  }),
]);

/**
 * How a member trains in a round: the settings that plans, the training process and comparisons share.
 *
 * A new setting is added here, and read where training takes its steps (client-node/training/localTraining.ts).
 */
export const localTrainingSchema = z.strictObject({
  /** E: optimiser steps in a round; fewer where `earlyStop` ends it. */
  steps: z.int().min(1).max(100_000),
  /** Examples whose mean gradient makes a step. A node without memory for all of them adds up the gradients of smaller batches. */
  batchSize: z.int().min(1).max(4096),
  optimizer: z.enum(['adamW', 'sgd']).default('adamW'),
  /** Of the first round; `decay` says how it falls. */
  learningRate: z.number().positive().max(10),
  decay: decaySchema.default({ kind: 'constant' }),
  /** Steps of each round over which the learning rate rises from 0. */
  warmupSteps: z.int().min(0).max(100_000).default(0),
  /** μ of FedProx (Li et al. 2020): the loss has μ/2 · |w − w₀|² added, w₀ what the round started from. 0 is FedAvg. */
  proximalMu: z.number().min(0).max(10).default(0),
  /**
   * Stops a round's training when the loss on the node's own validation examples has not fallen for `patience` checks, one every `everySteps` steps. The
   * node sends the weights of the best check.
   */
  earlyStop: z.strictObject({ everySteps: z.int().min(1).max(10_000), patience: z.int().min(1).max(100) }).optional(),
});
export type LocalTraining = z.output<typeof localTrainingSchema>;

/**
 * The learning rate of a round.
 *
 * @param round from 1; a round beyond `rounds`, as after an abandoned one, has the last round's rate
 * @param rounds of the task
 */
export function learningRateOfRound(
  { learningRate, decay }: Pick<LocalTraining, 'learningRate' | 'decay'>,
  round: number,
  rounds: number,
): number {
  const place = Math.min(round, rounds) - 1;
  switch (decay.kind) {
    case 'constant':
      return learningRate;
    case 'cosine': {
      const progress = place / Math.max(1, rounds - 1);
      return learningRate * (decay.floor + (1 - decay.floor) * 0.5 * (1 + Math.cos(Math.PI * progress)));
    }
    case 'step':
      return learningRate * decay.factor ** Math.floor(place / decay.everyRounds);
  }
}
