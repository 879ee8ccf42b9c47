import type { Interval } from './report/data.ts';
import type { MerchantResult, Method } from './result.ts';

export interface Change {
  readonly id: string;
  /** Change of WQL in per cent of the method compared with; below 0 is better. */
  readonly percent: number;
}

/** What the figures say, before it is put into words of either language. */
export interface Verdict {
  /**
   * The league helped when most merchants gained, the middle merchant by at least half a per cent; when the average change is below 0 by more than
   * chance, so that what some gain outweighs what others lose; and when the league model as it comes, before any tuning, is no worse than a
   * merchant's own in the middle case. A common model that is worse holds nothing that merchants have in common: what is left of a gain after
   * tuning comes of averaging, which calms training whatever the data.
   */
  readonly helped: boolean;
  readonly merchants: number;
  /** Fine-tuned against local-only, best first. */
  readonly againstLocal: readonly Change[];
  readonly medianAgainstLocal: number;
  /** The middle merchant gained too little to be worth it. */
  readonly smallInTheMiddle: boolean;
  /** Change of the middle merchant with the league model before any tuning, in per cent against its own. */
  readonly medianOfLeagueModel: number;
  /** The league model before tuning is worse than a merchant's own in the middle case. */
  readonly nothingInCommon: boolean;
  /** Mean over the merchants, with the interval that chance in the choice of their items leaves. */
  readonly average: { readonly percent: number; readonly low: number; readonly high: number };
  readonly gained: number;
  readonly lost: number;
  readonly best: Change;
  readonly worst: Change;
  /** Fine-tuned against the simple forecast that does best on the merchant's hold-out, which is the hardest to beat. */
  readonly betterThanSimple: number;
  readonly medianAgainstSimple: number;
  /** Merchants for which that one beats the fine-tuned model. */
  readonly worseThanSimple: readonly string[];
}

/** Gains below this, in per cent of WQL, are no reason to join a league. */
const worthwhilePercent = 0.5;

/** Two-sided 95 % of a normal distribution, in standard deviations. */
const deviations95 = 1.96;

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

/** The simple forecast with the least WQL on the merchant's hold-out. */
export function bestSimple({ simple }: Pick<MerchantResult, 'simple'>): {
  readonly name: string;
  readonly wql: number;
} {
  return Object.entries(simple)
    .map(([name, wql]) => ({ name, wql }))
    .reduce((best, other) => (other.wql < best.wql ? other : best));
}

/**
 * Mean of the merchants' changes and its 95 % interval. Merchants are independent of each other, so that the variances of their own intervals add up;
 * a merchant without an interval leaves the mean without a bound.
 */
function averageOf(changes: readonly Change[], intervals: ReadonlyMap<string, Interval>): Verdict['average'] {
  const percent = changes.reduce((sum, change) => sum + change.percent, 0) / changes.length;
  const variance = changes.reduce((sum, { id }) => {
    const [low, high] = intervals.get(id) ?? [Number.NEGATIVE_INFINITY, Number.POSITIVE_INFINITY];
    return sum + ((high - low) / (2 * deviations95)) ** 2;
  }, 0);
  const reach = (deviations95 * Math.sqrt(variance)) / changes.length;
  return { percent, low: percent - reach, high: percent + reach };
}

/**
 * Judges a league by its figures alone; the world that the data came from is not an argument.
 *
 * @param merchants at least one
 * @param intervals by merchant: 95 % of the change in per cent of fine-tuned against local-only, over the merchant's items
 * @throws RangeError (without any merchant)
 */
export function judge(merchants: readonly MerchantResult[], intervals: ReadonlyMap<string, Interval>): Verdict {
  if (merchants.length === 0) throw new RangeError('no merchants to judge');
  const changes = (against: Method, method: Method = 'fineTuned'): Change[] =>
    merchants
      .map(({ id, wql }) => ({ id, percent: changePercent(wql[method], wql[against]) }))
      .sort((a, b) => a.percent - b.percent);
  const againstLocal = changes('localOnly');
  const againstSimple = merchants.map((merchant) => ({
    id: merchant.id,
    percent: changePercent(merchant.wql.fineTuned, bestSimple(merchant).wql),
  }));
  const medianAgainstLocal = median(againstLocal.map(({ percent }) => percent));
  const medianOfLeagueModel = median(changes('localOnly', 'federated').map(({ percent }) => percent));
  const nothingInCommon = medianOfLeagueModel > 0;
  const smallInTheMiddle = medianAgainstLocal > -worthwhilePercent;
  const average = averageOf(againstLocal, intervals);
  const gained = againstLocal.filter(({ percent }) => percent < 0).length;
  return {
    helped: gained > merchants.length / 2 && !smallInTheMiddle && average.high < 0 && !nothingInCommon,
    merchants: merchants.length,
    againstLocal,
    medianAgainstLocal,
    smallInTheMiddle,
    medianOfLeagueModel,
    nothingInCommon,
    average,
    gained,
    lost: againstLocal.filter(({ percent }) => percent > 0).length,
    best: againstLocal[0]!,
    worst: againstLocal.at(-1)!,
    betterThanSimple: againstSimple.filter(({ percent }) => percent < 0).length,
    medianAgainstSimple: median(againstSimple.map(({ percent }) => percent)),
    worseThanSimple: againstSimple.filter(({ percent }) => percent > 0).map(({ id }) => id),
  };
}
