import { type RoundPhase, roundPhases } from '@hansa/shared/protocol';
import type { CohortDriver } from '../cohort/cohortDriver.ts';

/** The phase of the cohort that is furthest behind; `current`, which the round has come to, where it is published or no cohort is left. */
export function livePhase(cohorts: readonly Pick<CohortDriver, 'isOver' | 'phase'>[], current: RoundPhase): RoundPhase {
  if (current === 'publish') return current;
  const live = cohorts.filter(({ isOver }) => !isOver).map(({ phase }) => roundPhases.indexOf(phase));
  return live.length === 0 ? current : (roundPhases[Math.min(...live)] ?? current);
}

/** The deadline that comes first; undefined where no cohort has one. */
export function firstDeadline(cohorts: readonly Pick<CohortDriver, 'deadlineAtMs'>[]): number | undefined {
  const deadlines = cohorts.map(({ deadlineAtMs }) => deadlineAtMs).filter((atMs) => atMs !== undefined);
  return deadlines.length === 0 ? undefined : Math.min(...deadlines);
}
