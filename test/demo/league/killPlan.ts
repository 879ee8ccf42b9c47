import type { AdminStatus, MemberStage } from '@hansa/shared/protocol';

/** After the member's key shares were accepted, before its vector is committed. */
const between: readonly MemberStage[] = ['sharesAccepted', 'downloading', 'training', 'trained', 'masking'];

/**
 * Which member to kill now: one whose key shares are accepted and whose vector has not begun to leave, or nobody.
 *
 * The preferred one is taken when it is at that point; another only once the preferred one is past it, so that the show happens in this round.
 */
export function victimOf(running: AdminStatus['running'], fromRound: number, preferred: string): string | undefined {
  if (running === undefined || running.round < fromRound) return undefined;
  // Before this phase the shares are with the coordinator, but not yet with every holder.
  if (running.phase !== 'train') return undefined;
  const at = (client: string): MemberStage | undefined =>
    running.members.find((member) => member.client === client)?.stage;
  const stage = at(preferred);
  if (stage !== undefined && between.includes(stage)) return preferred;
  if (stage === 'selected' || stage === 'keysAdvertised' || stage === 'sharesSent') return undefined;
  return running.members.find((member) => between.includes(member.stage))?.client;
}
