import { type DeadlineKey, phaseOfStage, phases, type Stage } from '@hansa/shared/protocol';

/** A task's deadlines, in ms. */
export type Deadlines = Readonly<Record<DeadlineKey, number>>;

/** A node may take this long to be told that its round is over, or to notice, beside the stages' own deadlines. */
export const CLOSING_MS = 60_000;

/** When a set-up that begins now ends at the latest: its own stages and two rounds, since a set-up made ahead waits for the round before to end. */
export function notAfter(deadlines: Deadlines, nowMs: number): number {
  const { advertiseKeysMs, shareKeysMs, trainMs, maskedInputMs, consistencyMs, unmaskMs } = deadlines;
  const roundMs = trainMs + 2 * maskedInputMs + consistencyMs + unmaskMs + CLOSING_MS;
  return nowMs + advertiseKeysMs + 2 * shareKeysMs + 2 * roundMs;
}

/** How long a stage may take; {@link maskedInputEnd} has the rule for masked input. */
export const stageMs = (deadlines: Deadlines, stage: Exclude<Stage, 'maskedInput'>): number =>
  deadlines[phases[phaseOfStage[stage]].deadline.key];

/** What the end of masked input follows from. */
export interface MaskedInputTimes {
  readonly trainBeganAtMs: number;
  /** When bytes of a vector, or its announcement, came last; 0 before the first. */
  readonly lastBytesAtMs: number;
  /** Every member that is left has announced its vector. */
  readonly allAnnounced: boolean;
  /** When the set-up ends at the latest. */
  readonly notAfterMs: number;
}

/** When masked input ends: training has its time; an upload has its own, which starts again with every byte; neither outlasts the set-up. */
export function maskedInputEnd(deadlines: Deadlines, times: MaskedInputTimes): number {
  const trainEndMs = times.trainBeganAtMs + deadlines.trainMs;
  const uploadEndMs = times.lastBytesAtMs + deadlines.maskedInputMs;
  const wantedMs = times.allAnnounced ? uploadEndMs : Math.max(trainEndMs, uploadEndMs);
  return Math.min(wantedMs, times.notAfterMs - deadlines.consistencyMs - deadlines.unmaskMs - CLOSING_MS);
}
