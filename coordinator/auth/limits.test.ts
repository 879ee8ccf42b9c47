import { ManualClock } from '@hansa/shared/testing';
import { describe, expect, it } from 'vitest';
import { MessageRate } from '../socket/messageRate.ts';
import { BearerToken } from './bearerToken.ts';
import { FailureLimit } from './failureLimit.ts';

describe('FailureLimit', () => {
  it('stops a peer after its burst of failures, and lets it try again with time; others are not touched', () => {
    const clock = new ManualClock();
    const limit = new FailureLimit(clock, 3, 1000);
    for (let n = 0; n < 3; n++) {
      limit.check('a');
      limit.failed('a');
    }
    expect(() => limit.check('a')).toThrow(expect.objectContaining({ code: 'TooManyRequests' }));
    limit.check('b');
    clock.advance(1000);
    limit.check('a');
    limit.failed('a');
    expect(() => limit.check('a')).toThrow();
    clock.advance(3000);
    limit.check('a');
  });

  it('does not remember peers for ever', () => {
    const clock = new ManualClock();
    const limit = new FailureLimit(clock, 1, 1000);
    for (let n = 0; n < 10_005; n++) limit.failed(`peer ${n}`);
    expect(() => limit.check('peer 0')).not.toThrow();
    expect(() => limit.check('peer 10004')).toThrow();
  });
});

describe('MessageRate', () => {
  it('allows a burst, then as many as time brings back', () => {
    const clock = new ManualClock();
    const rate = new MessageRate(clock, 2, 100);
    expect([rate.take(), rate.take(), rate.take()]).toEqual([true, true, false]);
    clock.advance(100);
    expect([rate.take(), rate.take()]).toEqual([true, false]);
  });
});

describe('BearerToken', () => {
  it.each([
    ['nothing', undefined],
    ['another scheme', 'Basic good'],
    ['another token', 'Bearer bad'],
    ['a longer token', 'Bearer goodgood'],
    ['a token with spaces', 'Bearer good '],
  ])('refuses %s', (_what, header) => {
    const token = new BearerToken('good');
    expect(() => token.check(header)).toThrow(expect.objectContaining({ code: 'Unauthorized' }));
    expect(() => token.check('Bearer good')).not.toThrow();
  });
});
