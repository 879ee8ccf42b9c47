import type { SecAggConfig } from '@hansa/shared/protocol/secagg';
import { trainedOf } from '../../federation/createTask.ts';
import type { CohortDriver } from '../cohort/cohortDriver.ts';
import { type CohortToOpen, type OpenedModel, openModel } from '../model/openModel.ts';
import type { RoundPorts } from '../ports.ts';
import type { RoundBinding } from './attemptSpec.ts';

/** Opens the sums of the cohorts that have one and makes the round's next model of them. @throws as {@link openModel} */
export function openCohorts(
  { blobs, states, threads }: Pick<RoundPorts, 'blobs' | 'states' | 'threads'>,
  { round, task, header }: RoundBinding,
  config: SecAggConfig,
  cohorts: readonly CohortDriver[],
): Promise<OpenedModel> {
  return openModel({
    config,
    round,
    cohorts: cohorts.flatMap((cohort) => toOpen(cohort) ?? []),
    taskId: task.id,
    strategy: task.file.strategy,
    localSteps: task.file.plan.training.steps,
    trained: trainedOf(task.file),
    modelHash: task.modelHash,
    header,
    strategyStateHash: task.strategyStateHash,
    blobs,
    states,
    threads,
  });
}

function toOpen(cohort: CohortDriver): CohortToOpen | undefined {
  if (cohort.masked === undefined || cohort.isOver) return undefined;
  return {
    plan: cohort.masked.plan,
    sum: (survivors) => cohort.foldedSum(survivors),
    refuse: (error) => cohort.abort(error.code, error.message),
  };
}
