import { expect, it } from 'vitest';
import { firstDeadline, livePhase } from './livePhase.ts';

it('is the phase of the cohort that is furthest behind, of those that are not over', () => {
  const cohorts = [
    { isOver: false, phase: 'maskedInput' },
    { isOver: false, phase: 'train' },
    { isOver: true, phase: 'shareKeys' },
  ] as const;
  expect(livePhase(cohorts, 'shareKeys')).toBe('train');
  expect(livePhase(cohorts, 'publish')).toBe('publish');
  expect(livePhase(cohorts.slice(2), 'unmask')).toBe('unmask');
});

it('ends with the first deadline', () => {
  expect(firstDeadline([{ deadlineAtMs: 9 }, { deadlineAtMs: undefined }, { deadlineAtMs: 7 }])).toBe(7);
  expect(firstDeadline([{ deadlineAtMs: undefined }])).toBeUndefined();
});
