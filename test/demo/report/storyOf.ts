import type { RoundResult } from '../result.ts';
import type { RoundReport } from './data.ts';
import type { Dictionary } from './dictionary/english.ts';

/** One line in plain words about what a round went through; the live screen says the same. */
export function storyOf(d: Dictionary, round: RoundResult, report: RoundReport | undefined): string {
  if (round.outcome === 'abandoned') return d.roundAbandoned(round.reason ?? d.unknown);
  if (report?.sumExact === false) return d.roundWrong;
  const rebuilt = report?.rebuiltMasks[0];
  if (rebuilt !== undefined) {
    const tell = rebuilt.merchant === report?.killed ? d.roundKilled : d.roundRebuilt;
    return tell(rebuilt.merchant, rebuilt.shares, rebuilt.holders);
  }
  return round.dropped.length > 0 ? d.roundEarly(round.dropped.join(', ')) : d.roundAll;
}
