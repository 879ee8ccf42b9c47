import type { AdminStatus, MemberStage, RoundPhase } from '@hansa/shared/protocol';
import { describe, expect, it } from 'vitest';
import { victimOf } from './killPlan.ts';

function running(round: number, phase: RoundPhase, stages: Record<string, MemberStage>): AdminStatus['running'] {
  return {
    taskId: 't',
    round,
    attempt: round,
    phase,
    startedAt: '2026-11-23T00:00:00Z',
    members: Object.entries(stages).map(([client, stage]) => ({
      client,
      stage,
      done: 0,
      total: 0,
      bytesUp: 0,
      bytesDown: 0,
    })),
  };
}

describe('whom to kill, and when', () => {
  it('waits for the round and for the key shares', () => {
    expect(victimOf(undefined, 2, 'd')).toBeUndefined();
    expect(victimOf(running(1, 'train', { d: 'training' }), 2, 'd')).toBeUndefined();
    expect(victimOf(running(2, 'shareKeys', { d: 'sharesAccepted' }), 2, 'd')).toBeUndefined();
    expect(victimOf(running(2, 'train', { d: 'sharesSent', a: 'training' }), 2, 'd')).toBeUndefined();
  });

  it('takes the preferred one while it trains, and another only once that one is past it', () => {
    expect(victimOf(running(2, 'train', { a: 'training', d: 'training' }), 2, 'd')).toBe('d');
    expect(victimOf(running(3, 'train', { a: 'training', d: 'committed' }), 2, 'd')).toBe('a');
    expect(victimOf(running(2, 'train', { a: 'uploading', d: 'committed' }), 2, 'd')).toBeUndefined();
  });
});
