import { quantileOfSorted } from '../../../statistics/quantile.ts';
import { SCORED_QUANTILES } from '../scores.ts';

/** Periods that a model is fitted to, the newest ones. */
const MOST_PERIODS = 400;
/** A season longer than this has too many states for one series to tell, as in R's `ets`. */
const LONGEST_SEASON = 24;
const LEVELS = [0.01, 0.05, 0.1, 0.2, 0.3, 0.45, 0.6, 0.8];
const TRENDS = [0, 0.02, 0.1];
const SEASONS = [0.01, 0.05, 0.15, 0.3];
const DAMPING = 0.95;

interface Weights {
  /** Of the level, the trend and the season, in the error-correction form of Hyndman et al. (2008): α, β, γ. */
  readonly level: number;
  readonly trend: number;
  readonly season: number;
}

interface Fit {
  readonly weights: Weights;
  readonly hasTrend: boolean;
  readonly hasSeason: boolean;
  readonly level: number;
  readonly trend: number;
  /** [season] of the periods ahead, the first one first. */
  readonly seasons: Float64Array;
  /** One-step errors, ascending. */
  readonly errors: Float64Array;
  /** Corrected Akaike information. */
  readonly information: number;
}

/**
 * Exponential smoothing in state-space form: additive errors; no trend or a damped one; no season or an additive one, where the history has two of them and a
 * season at most 24 periods. The weights are those of a grid with the least squared error, the form the one with the least corrected Akaike information.
 *
 * Quantiles are those of its own one-step errors, as many times wider at h steps as the forecast variance grows: 1 + Σ cⱼ², cⱼ = α + β φⱼ + γ [season divides j]
 * (Hyndman, Koehler, Ord and Snyder 2008, table 6.1), floored at 0. Periods that are not known change no state.
 *
 * @param season periods in a season
 * @returns [periods, 9] units, at least 0, ascending within a period
 */
export function exponentialSmoothing(history: Float64Array, season: number, periods: number): Float64Array {
  const values = history.subarray(Math.max(0, history.length - MOST_PERIODS));
  const levels = SCORED_QUANTILES.length;
  const forecast = new Float64Array(periods * levels);
  const known = values.filter((value) => !Number.isNaN(value));
  if (known.length === 0) return forecast;
  let best: Fit | undefined;
  for (const fit of fits(values, season, known))
    if (best === undefined || fit.information < best.information) best = fit;
  const { weights, hasTrend, hasSeason, level, trend, seasons, errors } = best as Fit;
  let damped = 0;
  let variance = 1;
  for (let step = 0; step < periods; step += 1) {
    damped += hasTrend ? DAMPING ** (step + 1) : 0;
    const point = level + damped * trend + (hasSeason ? (seasons[step % season] as number) : 0);
    SCORED_QUANTILES.forEach((quantile, at) => {
      forecast[step * levels + at] = Math.max(0, point + Math.sqrt(variance) * quantileOfSorted(errors, quantile));
    });
    const change =
      weights.level + weights.trend * damped + (hasSeason && (step + 1) % season === 0 ? weights.season : 0);
    variance += change * change;
  }
  return forecast;
}

function* fits(values: Float64Array, season: number, known: Float64Array): Generator<Fit> {
  const isSeasonal = season <= LONGEST_SEASON && values.length >= 2 * season && known.length >= 2 * season;
  const hasRoom = known.length >= 10;
  for (const hasSeason of isSeasonal ? [false, true] : [false]) {
    for (const hasTrend of hasRoom ? [false, true] : [false]) {
      let least: { squares: number; weights: Weights } | undefined;
      for (const level of LEVELS) {
        for (const trend of hasTrend ? TRENDS.map((share) => share * level) : [0]) {
          for (const weight of hasSeason ? SEASONS : [0]) {
            const weights = { level, trend, season: weight };
            const { squares } = smooth(values, season, weights, hasTrend, hasSeason, known);
            if (least === undefined || squares < least.squares) least = { squares, weights };
          }
        }
      }
      const { squares, weights } = least as { squares: number; weights: Weights };
      const count = known.length;
      // Weights, starting states and the variance; the damping is not chosen.
      const parameters = 3 + (hasTrend ? 2 : 0) + (hasSeason ? season : 0);
      const room = count - parameters - 1;
      if (room <= 0 && (hasSeason || hasTrend)) continue;
      const information =
        count * Math.log(Math.max(squares, 1e-12) / count) +
        2 * parameters +
        (2 * parameters * (parameters + 1)) / Math.max(1, room);
      const errors: number[] = [];
      const end = smooth(values, season, weights, hasTrend, hasSeason, known, errors);
      yield { ...end, weights, hasTrend, hasSeason, errors: Float64Array.from(errors).sort(), information };
    }
  }
}

/** Runs the states through the values. */
function smooth(
  values: Float64Array,
  season: number,
  weights: Weights,
  hasTrend: boolean,
  hasSeason: boolean,
  known: Float64Array,
  errors?: number[],
): Pick<Fit, 'level' | 'trend' | 'seasons'> & { squares: number } {
  const first = known.subarray(0, Math.min(known.length, hasSeason ? 2 * season : 10));
  let level = first.reduce((sum, value) => sum + value, 0) / first.length;
  let trend = 0;
  const seasons = new Float64Array(hasSeason ? season : 1);
  if (hasSeason) startSeasons(values, season, level, seasons);
  let squares = 0;
  for (let at = 0; at < values.length; at += 1) {
    const value = values[at] as number;
    const place = hasSeason ? at % season : 0;
    const before = level + (hasTrend ? DAMPING * trend : 0);
    trend *= hasTrend ? DAMPING : 0;
    level = before;
    if (Number.isNaN(value)) continue;
    const error = value - before - (seasons[place] as number);
    squares += error * error;
    errors?.push(error);
    level = before + weights.level * error;
    trend += weights.trend * error;
    seasons[place] = (seasons[place] as number) + weights.season * error;
  }
  const ahead = seasons.map((_, step) => (hasSeason ? (seasons[(values.length + step) % season] as number) : 0));
  return { level, trend, seasons: ahead, squares };
}

/** Mean distance from the level at each place of the first two seasons. */
function startSeasons(values: Float64Array, season: number, level: number, into: Float64Array): void {
  for (let place = 0; place < season; place += 1) {
    const both = [values[place] as number, values[place + season] as number].filter((value) => !Number.isNaN(value));
    into[place] = both.length === 0 ? 0 : both.reduce((sum, value) => sum + value, 0) / both.length - level;
  }
}
