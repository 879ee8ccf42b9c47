import { describe, expect, it } from 'vitest';
import type { StateStore } from '../../storage/stateStore.ts';
import { memberShare } from './memberShare.ts';

const members = ['a', 'b', 'c', 'd'].map((clientId, index) => ({ index: 10 + index, clientId }));
/** A store that knows these rounds of the task alone. */
const storeWith = (...rounds: [outcome: string, reported: string[]][]) =>
  ({
    rounds: async (taskId: string) =>
      taskId === 'task' ? rounds.map(([outcome, reported]) => ({ outcome, reported })) : [],
  }) as unknown as StateStore;

describe('memberShare', () => {
  it('counts each member once that has been in a sum, and those of this round', async () => {
    expect(await memberShare(storeWith(), 'task', members, [10, 11])).toBe(1);
    const store = storeWith(['committed', ['a', 'b']], ['abandoned', ['d']], ['committed', ['b', 'x']]);
    expect(await memberShare(store, 'task', members, [10, 12])).toBe(2 / 4);
    expect(await memberShare(store, 'task', members, [10])).toBe(1 / 3);
    expect(await memberShare(store, 'another', members, [10])).toBe(1);
  });
});
