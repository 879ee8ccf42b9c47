import { describe, expect, it } from 'vitest';
import { blameClock, describeClockOffset } from './index.ts';

describe('an offset of the clock', () => {
  it.each([
    [0, "0 s ahead of the coordinator's"],
    [-400, "0 s behind the coordinator's"],
    [119_000, "119 s ahead of the coordinator's"],
    [-120_000, "2.0 minutes behind the coordinator's"],
    [5_400_000, "90.0 minutes ahead of the coordinator's"],
    [-86_400_000, "24.0 hours behind the coordinator's"],
    [172_800_000, "2.0 days ahead of the coordinator's"],
  ])('of %d ms is %s', (offsetMs, words) => expect(describeClockOffset(offsetMs)).toBe(words));

  it('is blamed where it is large', () => {
    expect(blameClock(-172_800_000)).toBe(
      ", and this machine's clock is 2.0 days behind the coordinator's (set the time, NTP)",
    );
    for (const small of [undefined, 0, 60_000, -60_000]) expect(blameClock(small)).toBe('');
  });
});
