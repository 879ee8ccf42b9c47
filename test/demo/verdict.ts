import type { MerchantResult, Method } from './result.ts';

export interface Change {
  readonly id: string;
  /** Change of WQL in per cent of the method compared with; below 0 is better. */
  readonly percent: number;
}

/** What the figures say, before it is put into words of either language. */
export interface Verdict {
  /** The league helped when most merchants gained and the middle merchant gained by at least half a per cent. */
  readonly helped: boolean;
  readonly merchants: number;
  /** Fine-tuned against local-only, best first. */
  readonly againstLocal: readonly Change[];
  readonly medianAgainstLocal: number;
  readonly gained: number;
  readonly lost: number;
  readonly best: Change;
  readonly worst: Change;
  /** Fine-tuned against seasonal naive. */
  readonly betterThanNaive: number;
  readonly medianAgainstNaive: number;
  /** Merchants for which seasonal naive beats the fine-tuned model. */
  readonly worseThanNaive: readonly string[];
}

/** Gains below this, in per cent of WQL, are no reason to join a league. */
const worthwhilePercent = 0.5;

/** Change in per cent; 0 when both are 0, and never infinite. */
export function changePercent(value: number, against: number): number {
  if (against > 0) return (100 * (value - against)) / against;
  return value > 0 ? 100 : 0;
}

export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length / 2;
  return sorted.length % 2 === 1
    ? sorted[Math.floor(middle)]!
    : ((sorted[middle - 1] ?? 0) + (sorted[middle] ?? 0)) / 2;
}

/**
 * Judges a league by its figures alone; the world that the data came from is not an argument.
 *
 * @param merchants at least one. @throws RangeError without any.
 */
export function judge(merchants: readonly MerchantResult[]): Verdict {
  if (merchants.length === 0) throw new RangeError('no merchants to judge');
  const changes = (against: Method): Change[] =>
    merchants
      .map(({ id, wql }) => ({ id, percent: changePercent(wql.fineTuned, wql[against]) }))
      .sort((a, b) => a.percent - b.percent);
  const againstLocal = changes('localOnly');
  const againstNaive = changes('seasonalNaive');
  const medianAgainstLocal = median(againstLocal.map(({ percent }) => percent));
  const gained = againstLocal.filter(({ percent }) => percent < 0).length;
  return {
    helped: gained > merchants.length / 2 && medianAgainstLocal <= -worthwhilePercent,
    merchants: merchants.length,
    againstLocal,
    medianAgainstLocal,
    gained,
    lost: againstLocal.filter(({ percent }) => percent > 0).length,
    best: againstLocal[0]!,
    worst: againstLocal.at(-1)!,
    betterThanNaive: againstNaive.filter(({ percent }) => percent < 0).length,
    medianAgainstNaive: median(againstNaive.map(({ percent }) => percent)),
    worseThanNaive: againstNaive.filter(({ percent }) => percent > 0).map(({ id }) => id),
  };
}
