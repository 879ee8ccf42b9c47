import { roundPhases, roundRecordSchema } from '@hansa/shared/protocol';
import { describe, expect, it } from 'vitest';
import { interruptedRecord, type MemberFacts, type RoundFacts, roundRecord } from './roundRecord.ts';

const hash = 'a'.repeat(64);
const member = (clientId: string, facts: Partial<MemberFacts> = {}): MemberFacts => ({
  clientId,
  committed: false,
  droppedIn: undefined,
  bytesUp: 10,
  bytesDown: 1,
  ...facts,
});
const ids = ['one', 'two', 'three', 'four'].map((name) => `client-${name}`);
const [one = '', two = '', three = '', four = ''] = ids;
const facts: RoundFacts = {
  taskId: 'task',
  round: 3,
  attempt: 4,
  baseModelHash: hash,
  startedAtMs: 1_000,
  endedAtMs: 3_500,
  phaseSeconds: Object.fromEntries(roundPhases.map((phase) => [phase, 0])) as RoundFacts['phaseSeconds'],
  members: [
    member(one, { committed: true }),
    member(two, { committed: true, droppedIn: 'unmask' }),
    member(three, { droppedIn: 'train' }),
    member(four),
  ],
  thresholds: [
    { holders: 3, threshold: 2, quorum: 3, minSurvivors: 2 },
    { holders: 4, threshold: 3, quorum: 2, minSurvivors: 3 },
  ],
  rebuilt: [{ clientId: three, shares: 2, threshold: 2, holders: 3 }],
};

describe("a round's record", () => {
  it('has in a committed round whose updates are in the sum, and everybody else as dropped', () => {
    const record = roundRecord(facts, {
      outcome: 'committed',
      survivors: [one, two],
      loss: 0.5,
      metrics: {},
      modelHash: hash,
    });
    expect(record).toMatchObject({
      outcome: 'committed',
      selected: ids,
      reported: [one, two],
      dropped: [three, four],
      droppedIn: { [two]: 'unmask', [three]: 'train' },
      rebuiltMasks: [{ client: three, shares: 2, threshold: 2, holders: 3 }],
      requiredSurvivors: 5,
      quorum: 3,
      threshold: 3,
      seconds: 2.5,
      bytesUp: 40,
      bytesDown: 4,
      loss: 0.5,
    });
    expect(record).not.toHaveProperty('metrics');
  });

  it('has in an abandoned round whose vectors were taken, who dropped out, and why', () => {
    const record = roundRecord(facts, { outcome: 'abandoned', code: 'TooFewSurvivors', message: 'Too few.' });
    expect(record).toMatchObject({
      reported: [one, two],
      dropped: [three],
      reason: 'TooFewSurvivors',
      message: 'Too few.',
    });
    expect(record.modelHash).toBeUndefined();
  });

  it('of an attempt that was cut short tells what is known of its start', () => {
    const open = { taskId: 'task', round: 3, attempt: 4, startedAtMs: 1_000, baseModelHash: hash, signing: true };
    const end = { code: 'CoordinatorRestarted', message: 'It stopped.' };
    const record = interruptedRecord({ ...open, selected: ids }, end, 4_000);
    expect(record).toMatchObject({ outcome: 'abandoned', selected: ids, reported: [], dropped: [], seconds: 3 });
    expect(roundPhases.map((phase) => record.phaseSeconds[phase])).toEqual([3, 0, 0, 0, 0, 0, 0]);
    // A clock that was set back makes no negative time.
    expect(interruptedRecord({ ...open, selected: ids }, end, 500).seconds).toBe(0);
    expect(roundRecordSchema.shape.phaseSeconds.safeParse(record.phaseSeconds).success).toBe(true);
  });
});
