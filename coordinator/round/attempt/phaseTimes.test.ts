import { roundPhases } from '@hansa/shared/protocol';
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { PhaseTimes } from './phaseTimes.ts';

it('splits a round into its phases', () => {
  const times = new PhaseTimes(1000);
  times.enter('shareKeys', 1500);
  times.enter('train', 2000);
  times.enter('maskedInput', 5000);
  times.enter('train', 6000);
  expect(times.current).toBe('maskedInput');
  expect(times.seconds(7000)).toEqual({
    advertiseKeys: 0.5,
    shareKeys: 0.5,
    train: 3,
    maskedInput: 2,
    consistency: 0,
    unmask: 0,
    publish: 0,
  });
});

it('the times of the phases add up to the round, whichever were skipped', () => {
  const steps = fc.array(fc.tuple(fc.constantFrom(...roundPhases), fc.nat(10_000)), { maxLength: 20 });
  fc.assert(
    fc.property(steps, fc.nat(10_000), (entered, rest) => {
      const times = new PhaseTimes(0);
      let nowMs = 0;
      for (const [phase, laterMs] of entered) {
        nowMs += laterMs;
        times.enter(phase, nowMs);
      }
      const seconds = times.seconds(nowMs + rest);
      for (const value of Object.values(seconds)) expect(value).toBeGreaterThanOrEqual(0);
      const total = roundPhases.reduce((sum, phase) => sum + seconds[phase], 0);
      expect(total).toBeCloseTo((nowMs + rest) / 1000, 9);
    }),
    { seed: 3 },
  );
});
