import { isDeepStrictEqual } from 'node:util';
import { HansaError } from '@hansa/shared/errors';
import { tailMetricsOf } from '@hansa/shared/model';
import { type Plan, strategyParts, strategyTail } from '@hansa/shared/protocol';
import type { SecAggConfig, TailWord } from '@hansa/shared/protocol/secagg';
import type { NodePolicy } from '../config/nodeConfig.ts';
import { jobSource } from '../jobs/sources.ts';
import type { LoadedData } from '../trainer/index.ts';
import { planHashOf, type TaskEntry } from './taskBook.ts';

/**
 * Whether this node can and will do what a task's plan asks for.
 *
 * @throws HansaError PolicyRefused (which says what does not fit)
 */
export function checkPlan(plan: Plan, policy: NodePolicy, data: readonly LoadedData[]): void {
  const own = data.find(({ job }) => job === plan.job.kind);
  if (own === undefined) {
    refuse(
      `the task is for the job ${plan.job.kind}, and its configuration has data for ${data.map(({ job }) => job).join(', ')} alone`,
    );
  }
  const refusal = jobSource(own.job).refusal(plan.job, own.report);
  if (refusal !== undefined) refuse(refusal);
  if (plan.training.steps > policy.maxLocalSteps) {
    refuse(
      `the task asks for ${plan.training.steps} steps a round, this node allows ${policy.maxLocalSteps} (policy.maxLocalSteps)`,
    );
  }
  if (own.trainExamples === 0) refuse('this node has no training example');
}

/**
 * Whether a set-up's signed configuration is of the plan that was accepted, asks for nothing else, and clips as tightly as this node insists on.
 *
 * @throws HansaError PolicyRefused
 */
export function checkConfig(
  config: SecAggConfig,
  { plan, planText }: Pick<TaskEntry, 'plan' | 'planText'>,
  policy: NodePolicy,
): void {
  if (!Buffer.from(config.planHash).equals(planHashOf(planText)))
    refuse('the set-up names another plan than the one that was shown');
  const levels = plan.weighting.kind === 'uniform' ? undefined : plan.weighting.levels;
  if (
    config.weighting !== (levels === undefined ? 'uniform' : 'buckets') ||
    (levels ?? config.weightMax) !== config.weightMax
  )
    refuse('the set-up weighs its members otherwise than the plan');
  const [control] = strategyParts(plan.strategy, 1);
  const last = config.parts.at(-1);
  if (control !== undefined && (last?.name !== control.name || last.clipNorm !== control.clipNorm))
    refuse('the set-up has no part for control variates, or clips it otherwise than the plan');
  const known = tailMetricsOf(plan.job.kind);
  const asked = strategyTail(plan.strategy, plan.training.steps, config.weightMax);
  const isAsked = (word: TailWord) => asked.some((one) => isDeepStrictEqual(one, word));
  if (!asked.every((one) => config.tail.some((word) => isDeepStrictEqual(one, word))))
    refuse(`the set-up lacks the number "${asked[0]?.name}" that the plan's strategy asks for`);
  const unknown = config.tail.find((word) => !known.some(({ name }) => name === word.name) && !isAsked(word));
  if (unknown !== undefined) refuse(`the task asks for the number "${unknown.name}", which this node does not report`);
  // What the whole update may come to when every part of it is at its own clip.
  const norm = Math.hypot(...config.parts.map(({ clipNorm }) => clipNorm));
  if (norm > policy.maxClipNorm) {
    refuse(
      `the task lets an update have an L2 norm of ${norm}, this node allows ${policy.maxClipNorm} (policy.maxClipNorm)`,
    );
  }
}

function refuse(what: string): never {
  throw new HansaError('PolicyRefused', `This node does not take part: ${what}.`);
}
