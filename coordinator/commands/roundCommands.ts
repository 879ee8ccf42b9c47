import { type RoundRecord, roundPhases, roundRecordSchema } from '@hansa/shared/protocol';
import type { AdminClient } from './adminClient.ts';
import { byteText, facts, type Output, table } from './output.ts';

export async function listRounds(taskId: string, admin: AdminClient, output: Output): Promise<void> {
  const target = `/v1/admin/tasks/${encodeURIComponent(taskId)}/rounds`;
  const rounds = await admin.call('GET', target, roundRecordSchema.array());
  output.answer(rounds, () =>
    table(
      ['ATTEMPT', 'ROUND', 'OUTCOME', 'IN SUM', 'SECONDS', 'LOSS', 'UP', 'DOWN', 'REASON'],
      rounds.map((round) => [
        round.attempt,
        round.round,
        round.outcome,
        `${round.outcome === 'committed' ? round.reported.length : 0}/${round.selected.length}`,
        Number(round.seconds.toFixed(1)),
        round.loss?.toFixed(4) ?? '-',
        byteText(round.bytesUp),
        byteText(round.bytesDown),
        round.reason ?? '',
      ]),
    ),
  );
}

export async function showRound(taskId: string, attempt: string, admin: AdminClient, output: Output): Promise<void> {
  const target = `/v1/admin/tasks/${encodeURIComponent(taskId)}/rounds/${encodeURIComponent(attempt)}`;
  const round = await admin.call('GET', target, roundRecordSchema);
  output.answer(round, () => roundLines(round));
}

function roundLines(round: RoundRecord): string[] {
  const members = round.selected.map((id) => [
    id,
    round.reported.includes(id) ? 'yes' : 'no',
    round.droppedIn[id] ?? '',
    byteText(round.bytesUpByClient[id] ?? 0),
    byteText(round.bytesDownByClient[id] ?? 0),
  ]);
  return [
    ...facts({
      round: `${round.round}, attempt ${round.attempt}`,
      outcome: round.outcome,
      reason: round.reason === undefined ? undefined : `${round.reason}: ${round.message ?? ''}`,
      started: round.startedAt,
      seconds: round.seconds.toFixed(2),
      needed: `${round.requiredSurvivors} survivors, ${round.quorum} signatures, ${round.threshold} shares`,
      rebuilt: round.rebuiltMasks.length === 0 ? undefined : `masks of ${round.rebuiltMasks.length}`,
      loss: round.loss?.toFixed(6),
      validation: round.validationLoss?.toFixed(6),
      base: round.baseModelHash,
      model: round.modelHash,
      sum: round.sumHash,
    }),
    '',
    ...table(
      ['PHASE', 'SECONDS'],
      roundPhases.map((phase) => [phase, round.phaseSeconds[phase].toFixed(2)]),
    ),
    '',
    ...table(['NODE', 'IN SUM', 'DROPPED IN', 'UP', 'DOWN'], members),
  ];
}
