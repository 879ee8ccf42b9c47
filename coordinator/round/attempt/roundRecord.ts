import type { RebuiltMask, Thresholds } from '@hansa/aggregation/secagg/server';
import { type RoundPhase, type RoundRecord, roundPhases } from '@hansa/shared/protocol';
import type { OpenAttempt } from '../../storage/stateStore.ts';

/** How an attempt ended. */
export type RoundEnd =
  | (Pick<RoundRecord, 'loss' | 'validationLoss' | 'metrics' | 'weightSum' | 'modelHash' | 'sumHash'> & {
      readonly outcome: 'committed';
      /** Ids of the members whose updates are in the sum. */
      readonly survivors: readonly string[];
    })
  | { readonly outcome: 'abandoned'; readonly code: string | undefined; readonly message: string | undefined };

/** What is known of one member at the end. */
export interface MemberFacts {
  readonly clientId: string;
  /** Its vector was taken. */
  readonly committed: boolean;
  readonly droppedIn: RoundPhase | undefined;
  readonly bytesUp: number;
  readonly bytesDown: number;
}

/** What a round's record is made of. */
export interface RoundFacts {
  readonly taskId: string;
  readonly round: number;
  readonly attempt: number;
  readonly baseModelHash: string;
  readonly startedAtMs: number;
  readonly endedAtMs: number;
  readonly phaseSeconds: RoundRecord['phaseSeconds'];
  readonly members: readonly MemberFacts[];
  /** Of each cohort that got so far. */
  readonly thresholds: readonly Thresholds[];
  readonly rebuilt: readonly (Omit<RebuiltMask, 'index'> & { readonly clientId: string })[];
}

/** The record of an attempt at a round. */
export function roundRecord(facts: RoundFacts, end: RoundEnd): RoundRecord {
  const { members, thresholds, startedAtMs } = facts;
  const isIn = ({ clientId, committed }: MemberFacts): boolean =>
    end.outcome === 'committed' ? end.survivors.includes(clientId) : committed;
  const idsOf = (some: readonly MemberFacts[]) => some.map(({ clientId }) => clientId);
  const out = members.filter((member) => !isIn(member));
  return {
    taskId: facts.taskId,
    round: facts.round,
    attempt: facts.attempt,
    outcome: end.outcome,
    startedAt: new Date(startedAtMs).toISOString(),
    selected: idsOf(members),
    reported: idsOf(members.filter(isIn)),
    dropped: idsOf(end.outcome === 'committed' ? out : out.filter(({ droppedIn }) => droppedIn !== undefined)),
    droppedIn: Object.fromEntries(
      members.flatMap(({ clientId, droppedIn }) => (droppedIn === undefined ? [] : [[clientId, droppedIn]])),
    ),
    rebuiltMasks: facts.rebuilt.map(({ clientId, shares, threshold, holders }) => ({
      client: clientId,
      shares,
      threshold,
      holders,
    })),
    requiredSurvivors: thresholds.reduce((sum, { minSurvivors }) => sum + minSurvivors, 0),
    quorum: Math.max(0, ...thresholds.map(({ quorum }) => quorum)),
    threshold: Math.max(0, ...thresholds.map(({ threshold }) => threshold)),
    seconds: Math.max(0, facts.endedAtMs - startedAtMs) / 1000,
    phaseSeconds: facts.phaseSeconds,
    bytesUp: members.reduce((sum, { bytesUp }) => sum + bytesUp, 0),
    bytesDown: members.reduce((sum, { bytesDown }) => sum + bytesDown, 0),
    bytesUpByClient: Object.fromEntries(members.map(({ clientId, bytesUp }) => [clientId, bytesUp])),
    bytesDownByClient: Object.fromEntries(members.map(({ clientId, bytesDown }) => [clientId, bytesDown])),
    baseModelHash: facts.baseModelHash,
    ...resultOf(end),
  };
}

/** The record of an attempt that was cut short, of which only the start is known: all of its time stands under the first phase. */
export function interruptedRecord(
  open: OpenAttempt,
  end: { code: string; message: string },
  nowMs: number,
): RoundRecord {
  const { taskId, round, attempt, baseModelHash, startedAtMs, selected } = open;
  const seconds = Math.max(0, nowMs - startedAtMs) / 1000;
  const phaseSeconds = Object.fromEntries(roundPhases.map((phase, place) => [phase, place === 0 ? seconds : 0]));
  const unknown = { committed: false, droppedIn: undefined, bytesUp: 0, bytesDown: 0 };
  return roundRecord(
    {
      taskId,
      round,
      attempt,
      baseModelHash,
      startedAtMs,
      endedAtMs: nowMs,
      phaseSeconds: phaseSeconds as RoundRecord['phaseSeconds'],
      members: selected.map((clientId) => ({ clientId, ...unknown })),
      thresholds: [],
      rebuilt: [],
    },
    { outcome: 'abandoned', ...end },
  );
}

function resultOf(end: RoundEnd): Partial<RoundRecord> {
  if (end.outcome === 'abandoned') return { reason: end.code, message: end.message };
  const { loss, validationLoss, metrics, weightSum, modelHash, sumHash } = end;
  return {
    ...(loss !== undefined && { loss }),
    ...(validationLoss !== undefined && { validationLoss }),
    ...(metrics !== undefined && Object.keys(metrics).length > 0 && { metrics }),
    weightSum,
    modelHash,
    sumHash,
  };
}
