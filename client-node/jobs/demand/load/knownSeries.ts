import { type KnownSeries, lookBacks, mostHistory } from '../anchors/index.ts';
import { meansOf } from '../anchors/season.ts';
import type { SeriesTable } from './series.ts';
import type { WindowSource } from './windowSet.ts';

/** A promotion is a plan that is known ahead only where nearly every period states it; elsewhere its presence would tell that a sale took place. */
export const PLANNED_SHARE = 0.95;
const RELATIVE_PRICE_LIMIT = 2;
const DAYS_OF_WEEK = 7;
/** Series that tell what a new item may sell like. */
const MOST_PEERS = 256;

/** Whether a series' promotions are known ahead. */
export const isPlanned = (table: SeriesTable, index: number): boolean =>
  table.promotion !== undefined && (table.stated[index] as number) >= PLANNED_SHARE;

/**
 * What is known of a series at an origin, from nothing that came after it but the plan. Made once for all sets of windows: it sums all series.
 *
 * @param horizon periods ahead
 */
export function knownSeriesOf(source: WindowSource, horizon: number): (index: number, origin: number) => KnownSeries {
  const { frequency, table, units, lastPeriod, plan, holidays } = source;
  const hasPromotion = table.promotion !== undefined || plan?.has.promotion === true;
  const hasPrice = table.price !== undefined || plan?.has.price === true;
  const width = Number(hasPromotion) + Number(hasPrice) + Number(holidays !== undefined);
  const peersAt = new Map<number, Float64Array>();
  const season = merchantSeason(source);
  return (index, origin) => {
    const first = table.firstPeriods[index] as number;
    const base = (table.offsets[index] as number) - first;
    const from = Math.max(first, origin - mostHistory(frequency));
    const count = Math.max(0, origin - from);
    const sold = new Float64Array(count);
    for (let at = 0; at < count; at += 1) {
      const cell = base + from + at;
      sold[at] = table.censored?.[cell] === 1 ? Number.NaN : (units[cell] as number);
    }
    const covariates = new Float32Array((count + horizon) * width);
    // Before the origin what was, or was planned; after it what was planned by then.
    const planned = (at: number) => plan?.at(index, from + at, origin);
    let column = 0;
    if (hasPromotion) {
      const stated = isPlanned(table, index);
      for (let at = 0; at < count + horizon; at += 1) {
        const recorded =
          at < count || (stated && from + at <= lastPeriod) ? table.promotion?.[base + from + at] : undefined;
        const share = at < count ? (recorded ?? planned(at)?.promotion) : (planned(at)?.promotion ?? recorded);
        covariates[at * width + column] = share ?? 0;
      }
      column += 1;
    }
    if (hasPrice) {
      const priceAt = (at: number) =>
        at < count ? (table.price?.[base + from + at] ?? planned(at)?.price) : planned(at)?.price;
      const mean = meanPriceOf(source, index, from, origin);
      // The last price stays as far as anyone knows.
      const last = count === 0 ? undefined : priceAt(count - 1);
      for (let at = 0; at < count + horizon; at += 1) {
        covariates[at * width + column] = relativePrice(priceAt(at) ?? (at < count ? undefined : last), mean);
      }
      column += 1;
    }
    if (holidays !== undefined) {
      for (let at = 0; at < count + horizon; at += 1) covariates[at * width + column] = holidays(from + at);
    }
    return {
      frequency,
      sold,
      horizon,
      covariates,
      width,
      closed:
        plan?.has.closed === true
          ? Float32Array.from({ length: count + horizon }, (_, at) => planned(at)?.closed ?? 0)
          : undefined,
      firstWeekday: ((from % DAYS_OF_WEEK) + DAYS_OF_WEEK) % DAYS_OF_WEEK,
      merchantSeason: Float64Array.from({ length: count + horizon }, (_, at) => season(from + at)),
      peers() {
        const found = peersAt.get(origin) ?? meansBefore(source, origin);
        peersAt.set(origin, found);
        return found;
      },
    };
  };
}

/** By period: what all items sold at that time of the year before, over their mean of that year; 1 where there is no whole year around it. */
function merchantSeason({ frequency, table, units }: WindowSource): (period: number) => number {
  const { year, halfStretch } = lookBacks[frequency];
  const half = Math.floor(year / 2);
  const first = table.firstPeriods.reduce((least, period) => Math.min(least, period), Number.POSITIVE_INFINITY);
  const totals: number[] = [];
  for (let index = 0; index < table.count; index += 1) {
    const start = (table.firstPeriods[index] as number) - first;
    const from = table.offsets[index] as number;
    for (let cell = from; cell < (table.offsets[index + 1] as number); cell += 1) {
      const at = start + cell - from;
      while (totals.length <= at) totals.push(0);
      totals[at]! += units[cell] as number;
    }
  }
  const meanOf = meansOf(Float64Array.from(totals));
  const factors = new Map<number, number>();
  return (period) => {
    const found = factors.get(period);
    if (found !== undefined) return found;
    const ago = period - first - year;
    const [level] = meanOf(ago - half, ago + half);
    const factor = ago < half || level === 0 ? 1 : meanOf(ago - halfStretch, ago + halfStretch + 1)[0] / level;
    factors.set(period, factor);
    return factor;
  };
}

/** Mean demand a period of the merchant's items in the newest periods before an origin, ascending; of at most MOST_PEERS items, evenly chosen. */
function meansBefore({ frequency, table, units }: WindowSource, origin: number): Float64Array {
  const [window] = lookBacks[frequency].windows;
  const stride = Math.max(1, Math.floor(table.count / MOST_PEERS));
  const means: number[] = [];
  for (let index = 0; index < table.count; index += stride) {
    const first = table.firstPeriods[index] as number;
    const base = (table.offsets[index] as number) - first;
    let sum = 0;
    let periods = 0;
    for (let period = Math.max(first, origin - window); period < origin; period += 1) {
      if (table.censored?.[base + period] === 1) continue;
      sum += units[base + period] as number;
      periods += 1;
    }
    if (periods > 0) means.push(sum / periods);
  }
  return Float64Array.from(means).sort();
}

/** Mean of the known prices of the periods `from` … `origin` − 1, recorded or planned; NaN of none. */
export function meanPriceOf({ table, plan }: WindowSource, index: number, from: number, origin: number): number {
  const base = (table.offsets[index] as number) - (table.firstPeriods[index] as number);
  let sum = 0;
  let count = 0;
  for (let period = from; period < origin; period += 1) {
    const price = table.price === undefined ? plan?.at(index, period, origin)?.price : table.price[base + period];
    if (price === undefined || Number.isNaN(price)) continue;
    sum += price;
    count += 1;
  }
  return sum / count;
}

/** Logarithm of a price over a mean price; 0 where either is not known. */
export function relativePrice(price: number | undefined, mean: number): number {
  if (price === undefined || Number.isNaN(price) || Number.isNaN(mean)) return 0;
  return Math.max(-RELATIVE_PRICE_LIMIT, Math.min(RELATIVE_PRICE_LIMIT, Math.log(price / mean)));
}
