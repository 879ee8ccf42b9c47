import { standardDeadlines } from '@hansa/shared/protocol';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { CLOSING_MS, type Deadlines, maskedInputEnd, notAfter, stageMs } from './deadlines.ts';

const aDeadline = fc.integer({ min: 100, max: 86_400_000 });
const someDeadlines: fc.Arbitrary<Deadlines> = fc.record({
  recruitMs: aDeadline,
  advertiseKeysMs: aDeadline,
  shareKeysMs: aDeadline,
  trainMs: aDeadline,
  maskedInputMs: aDeadline,
  consistencyMs: aDeadline,
  unmaskMs: aDeadline,
});

describe('deadlines', () => {
  it('are the phases’ own', () => {
    const deadlines = { ...standardDeadlines, shareKeysMs: 7, consistencyMs: 8, unmaskMs: 9 };
    expect(stageMs(deadlines, 'acknowledgeShares')).toBe(7);
    expect(stageMs(deadlines, 'signSurvivors')).toBe(8);
    expect(stageMs(deadlines, 'revealShares')).toBe(9);
  });

  it('leave time to agree and to unmask before the set-up ends, however long uploads go on', () => {
    fc.assert(
      fc.property(someDeadlines, fc.nat(), fc.nat(), fc.boolean(), (deadlines, trainBeganAtMs, lastBytesAtMs, all) => {
        const notAfterMs = notAfter(deadlines, trainBeganAtMs);
        const endMs = maskedInputEnd(deadlines, { trainBeganAtMs, lastBytesAtMs, allAnnounced: all, notAfterMs });
        expect(endMs + deadlines.consistencyMs + deadlines.unmaskMs + CLOSING_MS).toBeLessThanOrEqual(notAfterMs);
        // Unless the set-up itself ends, an upload has its time from its last byte on, and training has its own.
        const lastEndMs = notAfterMs - deadlines.consistencyMs - deadlines.unmaskMs - CLOSING_MS;
        const uploadEndMs = lastBytesAtMs + deadlines.maskedInputMs;
        expect(endMs).toBeGreaterThanOrEqual(Math.min(lastEndMs, uploadEndMs));
        if (all) expect(endMs).toBeLessThanOrEqual(uploadEndMs);
        else expect(endMs).toBeGreaterThanOrEqual(Math.min(lastEndMs, trainBeganAtMs + deadlines.trainMs));
      }),
      { seed: 13 },
    );
  });
});
