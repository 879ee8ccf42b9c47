import { scaledParts } from '@hansa/aggregation/secagg/encoding';
import { encodeMessage, openBytes } from '@hansa/shared/protocol/secagg';
import { afterEach, describe, expect, it } from 'vitest';
import { SessionLeague } from './testing/sessionLeague.ts';

/** Of the nano model: what a set-up's clips for encoder, embedder and head, 13 together, stand for. */
const parts = scaledParts({ wordBits: 32, maxCohort: 8 }, [
  { name: 'encoder', length: 104_384, clipNorm: 3 },
  { name: 'embedder', length: 21_376, clipNorm: 4 },
  { name: 'head', length: 12_564, clipNorm: 12 },
]);

describe('checkConfig', () => {
  let league: SessionLeague;
  afterEach(() => league.end());

  it.each([
    ['at the limit', 13, []],
    // No part is beyond it, and the update is.
    ['beyond the limit', 12.9, Array(5).fill('PolicyRefused')],
  ])('holds all parts of an update together against policy.maxClipNorm: %s', async (_, maxClipNorm, codes) => {
    league = await new SessionLeague({ size: 5, config: { parts }, policy: { maxClipNorm } }).prepare();
    await league.assemble();
    league.open();
    await league.settle();
    expect(league.refusals.map(({ code }) => code)).toEqual(codes);
    const messages = league.nodes.flatMap(({ events }) =>
      events.flatMap((event) => (event.type === 'refused' ? [event.message] : [])),
    );
    expect(messages).toHaveLength(codes.length);
    for (const message of messages)
      expect(message).toContain('the task lets an update have an L2 norm of 13, this node allows 12.9');
  });

  it('refuses a set-up with a looser clip than the one before: a task has one for all of its rounds', async () => {
    league = await new SessionLeague({ size: 5, config: { parts } }).prepare();
    await league.assemble();
    expect((await league.runRound()).phase).toBe('committed');
    const looser = parts.map((part) => ({ ...part, clipNorm: 2 * part.clipNorm, scaleLog2: part.scaleLog2 - 1 }));
    const open = { ...league.openFields(), seq: 2, config: { ...league.config, parts: looser } };
    const wire = encodeMessage('open', { ...open, signature: league.coordinator.sign('open', openBytes(open)) });
    await expect(league.tell(0, 'open', wire)).rejects.toMatchObject({
      code: 'PolicyRefused',
      message: expect.stringContaining('another configuration'),
    });
  });
});
