import { HansaError } from '@hansa/shared/errors';
import type { Plan } from '@hansa/shared/protocol';
import type { SecAggConfig } from '@hansa/shared/protocol/secagg';
import type { NodePolicy } from '../config/nodeConfig.ts';
import type { LoadedData } from '../trainer/index.ts';

/** The numbers that a node tells in the tail of its masked vector, and no others. */
export const tailNames: readonly string[] = ['loss', 'validationLoss'];

/** Whether this node can and will do what a task's plan asks for. @throws HansaError PolicyRefused (with what does not fit) */
export function checkPlan(plan: Plan, policy: NodePolicy, data: Pick<LoadedData, 'frequency' | 'trainWindows'>): void {
  if (plan.frequency !== data.frequency) {
    refuse(`the task is by ${plan.frequency}, this node's data is by ${data.frequency}`);
  }
  if (plan.localSteps > policy.maxLocalSteps) {
    refuse(
      `the task asks for ${plan.localSteps} steps a round, this node allows ${policy.maxLocalSteps} (policy.maxLocalSteps)`,
    );
  }
  if (data.trainWindows === 0) refuse('this node has no training window');
}

/** Whether a set-up's signed configuration is of the plan that was accepted and asks for nothing else. @throws HansaError PolicyRefused */
export function checkConfig(config: SecAggConfig, planHash: Uint8Array | undefined): void {
  if (planHash === undefined) refuse('the set-up is of a task whose plan this node was not shown');
  if (!Buffer.from(config.planHash).equals(planHash))
    refuse('the set-up names another plan than the one that was shown');
  const unknown = config.tail.find((word) => !tailNames.includes(word.name));
  if (unknown !== undefined) refuse(`the task asks for the number "${unknown.name}", which this node does not tell`);
}

function refuse(what: string): never {
  throw new HansaError('PolicyRefused', `This node does not take part: ${what}.`);
}
