import {
  type CoordinatorState,
  coordinatorStates,
  countedStages,
  type RoundPhase,
  type RoundRecord,
} from '@hansa/shared/protocol';
import type { Metrics } from '../../metrics/createMetrics.ts';
import type { Member } from '../cohort/member.ts';

/** Where the round in progress is. */
export interface RoundStatus {
  readonly round: number;
  readonly phase: RoundPhase;
  /** When the phase ends at the latest; undefined where nothing is waited for. */
  readonly deadlineAtMs: number | undefined;
  readonly requiredSurvivors: number;
  readonly members: readonly Member[];
}

/** Shows one state of the coordinator as 1 and all others as 0. */
export function showState(metrics: Metrics, state: CoordinatorState): void {
  for (const other of coordinatorStates) metrics.roundState.set({ state: other }, other === state ? 1 : 0);
}

/** Shows where the round in progress is. */
export function showRound(metrics: Metrics, status: RoundStatus): void {
  metrics.roundNumber.set(status.round);
  metrics.roundDeadline.set((status.deadlineAtMs ?? 0) / 1000);
  metrics.participantsRequired.set(status.requiredSurvivors);
  showState(metrics, status.phase);
  showParticipants(metrics, status.members);
}

/** Shows how a round ended. `version`: how many rounds the newest model has behind it where this one committed. */
export function showEnd(
  metrics: Metrics,
  record: RoundRecord,
  members: readonly Member[],
  version: number,
  nowMs: number,
): void {
  showParticipants(metrics, members);
  showState(metrics, 'idle');
  metrics.roundDeadline.set(0);
  metrics.rounds.inc({ outcome: record.outcome });
  if (record.outcome !== 'committed') return;
  metrics.roundDuration.observe(record.seconds);
  for (const [phase, seconds] of Object.entries(record.phaseSeconds)) {
    metrics.phaseDuration.observe({ phase: phase as RoundPhase }, seconds);
  }
  if (record.loss !== undefined) metrics.evalLoss.set({ split: 'train' }, record.loss);
  if (record.validationLoss !== undefined) metrics.evalLoss.set({ split: 'validation' }, record.validationLoss);
  metrics.modelVersion.set(version);
  metrics.modelPublished.set(nowMs / 1000);
}

function showParticipants(metrics: Metrics, members: readonly Member[]): void {
  for (const { stage, label } of countedStages) {
    metrics.participants.set({ stage: label }, members.filter((member) => member.reached(stage)).length);
  }
}
