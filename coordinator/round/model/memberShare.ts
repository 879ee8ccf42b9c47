import type { StateStore } from '../../storage/stateStore.ts';
import type { Member } from '../cohort/member.ts';

/**
 * |S|/N of SCAFFOLD: the share that a round's survivors are of all members that have been in a sum of the task, they themselves included.
 *
 * @param survivors roster indexes
 */
export async function memberShare(
  store: StateStore,
  taskId: string,
  members: readonly Pick<Member, 'index' | 'clientId'>[],
  survivors: readonly number[],
): Promise<number> {
  const records = await store.rounds(taskId);
  const before = records.flatMap(({ outcome, reported }) => (outcome === 'committed' ? reported : []));
  const now = members.filter(({ index }) => survivors.includes(index)).map(({ clientId }) => clientId);
  return survivors.length / new Set([...before, ...now]).size;
}
