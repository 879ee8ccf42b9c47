import { HansaError } from '@hansa/shared/errors';
import type { StrategySettings } from '@hansa/shared/protocol';

/**
 * What a member multiplies its update with before it is clipped: in FedNova E/τᵢ, so that every member's update is as long as E steps would have made it,
 * and a clip means the same for all.
 *
 * @param mostSteps E: the most steps that a member takes in a round
 * @param steps τᵢ: the steps that made the update, 1 to E
 */
export function updateScale({ name }: StrategySettings, mostSteps: number, steps: number): number {
  return name === 'fedNova' ? mostSteps / steps : 1;
}

/** What a member reports for its task's strategy inside the masked sum ({@link strategyTail}): aᵢτᵢ, which a set-up takes where it asks for it. */
export const strategyReport = (weight: number, steps: number): { readonly weightedSteps: number } => ({
  weightedSteps: weight * steps,
});

/** The tail's means without what members report for the strategy alone. */
export function withoutStrategyReport(means: OpenedTail['means']): OpenedTail['means'] {
  const { weightedSteps: _, ...rest } = means;
  return rest;
}

/** What the opened tail of a sum says. */
interface OpenedTail {
  readonly survivors: number;
  /** Σa. */
  readonly weightSum: number;
  readonly means: Readonly<Record<string, number>>;
}

/**
 * Σaᵢτᵢ / Σaᵢ of a sum whose members report aᵢτᵢ (`strategyTail`); undefined for a strategy that does not ask.
 *
 * @throws HansaError SumOutOfRange (when no members with 1 to `mostSteps` steps have such a sum)
 */
export function meanStepsOf(
  { name }: StrategySettings,
  mostSteps: number,
  { survivors, weightSum, means }: OpenedTail,
): number | undefined {
  if (name !== 'fedNova') return undefined;
  const { weightedSteps } = means;
  if (weightedSteps === undefined) throw new RangeError('the tail lacks "weightedSteps"');
  // The mean of whole numbers: times their count it is one, but for the last bits.
  const sum = Math.round(weightedSteps * survivors);
  if (sum < weightSum || sum > weightSum * mostSteps)
    throw new HansaError(
      'SumOutOfRange',
      `The members' local steps sum to ${sum}, which members of weight ${weightSum} with 1 to ${mostSteps} steps cannot have: a mask is wrong or a member sent garbage. Nothing of the sum is used.`,
    );
  return sum / weightSum;
}
