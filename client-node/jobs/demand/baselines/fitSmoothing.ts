import { type SmoothingStates, type SmoothingWeights, smooth } from './smoothingModel.ts';

export interface SmoothingForm {
  /** A damped one: straight trends run away over the horizon. */
  readonly hasTrend: boolean;
  /** Periods in a season; 1 without one. */
  readonly season: number;
}

export interface SmoothingFit {
  readonly weights: SmoothingWeights;
  readonly start: SmoothingStates;
  /** Corrected Akaike information, but for a constant that is the same for all forms: n ln(squares / n) + 2k + 2k (k + 1) / (n − k − 1). */
  readonly information: number;
}

/** Known values that the starting states are read from, where two seasons are not more. */
const FIRST_VALUES = 10;
/** Weights of the level with which the search begins. */
const FIRST_WEIGHTS = [0.05, 0.2, 0.5, 0.8];
const MOST_RUNS = 240;
const SMALLEST_STEP = 1 / 64;
/** Squared errors below this share of the squared values are rounding, and tell no forms apart. */
const ROUNDING = 1e-12;

/**
 * Fits one form of smoothing to the least squared one-step error: weights, damping, starting level and trend, by a search along each of them that halves its
 * steps (Hooke and Jeeves 1961), in the usual region 0 < α < 1, 0 ≤ β ≤ α, 0 ≤ γ ≤ 1 − α, .8 ≤ φ ≤ .98. The starting season is that of the first two.
 *
 * @param values NaN = not known
 * @returns undefined where too few values are known for the form
 */
export function fitSmoothing(values: Float64Array, form: SmoothingForm): SmoothingFit | undefined {
  const known = values.filter((value) => !Number.isNaN(value));
  const { season, hasTrend } = form;
  // α, the starting level and the variance; β, φ and the starting trend; γ and the places of the season but one, as they tell a distance from the level.
  const parameters = 3 + (hasTrend ? 3 : 0) + (season > 1 ? season : 0);
  const room = known.length - parameters - 1;
  if (known.length === 0 || (parameters > 3 && room <= 0)) return undefined;
  const { weights, start, squares } = leastSquares(values, form, sizeOf(known));
  const least = known.reduce((sum, value) => sum + value * value, 0) * ROUNDING;
  const information =
    known.length * Math.log(Math.max(squares, least, Number.MIN_VALUE) / known.length) +
    2 * parameters +
    (2 * parameters * (parameters + 1)) / Math.max(1, room);
  return { weights, start, information };
}

/** Standard deviation: what steps of the level are measured in. */
function sizeOf(known: Float64Array): number {
  const mean = known.reduce((sum, value) => sum + value, 0) / known.length;
  return Math.sqrt(known.reduce((sum, value) => sum + (value - mean) ** 2, 0) / known.length);
}

/** A point of the search: α, β / α, γ / (1 − α), φ, the starting level and the starting trend. */
type Point = readonly number[];

function leastSquares(values: Float64Array, form: SmoothingForm, size: number) {
  const { hasTrend } = form;
  const isSeasonal = form.season > 1;
  const first = startingStates(values, form);
  const at = (point: Point) => {
    const [level, trend, season, damping, startLevel, startTrend] = point as [
      number,
      number,
      number,
      number,
      number,
      number,
    ];
    const weights = { level, trend: trend * level, season: season * (1 - level), damping };
    const start = { level: startLevel, trend: startTrend, seasons: first.seasons };
    return { point, weights, start, squares: smooth(values, weights, start).squares };
  };
  let best = FIRST_WEIGHTS.map((level) =>
    at([level, hasTrend ? 0.1 : 0, isSeasonal ? 0.1 : 0, hasTrend ? 0.95 : 0, first.level, first.trend]),
  ).reduce((one, other) => (other.squares < one.squares ? other : one));
  // How far a first step goes (0 where the form has nothing to choose), and within which bounds.
  const free = { low: Number.NEGATIVE_INFINITY, high: Number.POSITIVE_INFINITY };
  const ranges = [
    { step: 0.1, low: 0.001, high: 0.999 },
    { step: hasTrend ? 0.1 : 0, low: 0, high: 1 },
    { step: isSeasonal ? 0.1 : 0, low: 0, high: 1 },
    { step: hasTrend ? 0.04 : 0, low: 0.8, high: 0.98 },
    { step: size / 4, ...free },
    { step: hasTrend ? size / 20 : 0, ...free },
  ];
  let runs = 0;
  for (let scale = 1; scale >= SMALLEST_STEP && runs < MOST_RUNS; ) {
    const before = best;
    for (const [place, { step, low, high }] of ranges.entries()) {
      if (step === 0) continue;
      for (const way of [scale * step, -scale * step]) {
        const moved = Math.min(high, Math.max(low, best.point[place]! + way));
        if (moved === best.point[place]) continue;
        const next = at(best.point.map((value, other) => (other === place ? moved : value)));
        runs += 1;
        if (next.squares < best.squares) {
          best = next;
          break;
        }
      }
    }
    if (best === before) scale /= 2;
  }
  return best;
}

/**
 * Where the search begins: a straight line through the first known values (their mean without a trend), and for a season the mean distance from it at each place
 * of the first two.
 */
function startingStates(values: Float64Array, { hasTrend, season }: SmoothingForm): SmoothingStates {
  const isSeasonal = season > 1;
  const times: number[] = [];
  for (let at = 0; at < values.length; at += 1) {
    if (isSeasonal ? at >= Math.max(2 * season, FIRST_VALUES) : times.length === FIRST_VALUES) break;
    if (!Number.isNaN(values[at])) times.push(at);
  }
  const mean = (of: (at: number) => number) => times.reduce((sum, at) => sum + of(at), 0) / Math.max(1, times.length);
  const middle = mean((at) => at);
  const level = mean((at) => values[at] as number);
  const spread = mean((at) => (at - middle) ** 2);
  const slope = hasTrend && spread > 0 ? mean((at) => (at - middle) * ((values[at] as number) - level)) / spread : 0;
  const lineAt = (at: number) => level + slope * (at - middle);
  const seasons = new Float64Array(season);
  for (let place = 0; isSeasonal && place < season; place += 1) {
    const same = times.filter((at) => at < 2 * season && at % season === place);
    seasons[place] = same.reduce((sum, at) => sum + (values[at] as number) - lineAt(at), 0) / Math.max(1, same.length);
  }
  // The states are those before the first value.
  return { level: lineAt(-1), trend: slope, seasons };
}
