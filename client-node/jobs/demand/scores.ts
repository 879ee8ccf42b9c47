import type { SeriesLosses } from '../../statistics/bootstrap.ts';
/** Quantile levels on which forecasts are compared, ascending. */
export const SCORED_QUANTILES = [0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9] as const;
const COUNT = SCORED_QUANTILES.length;
const MEDIAN = SCORED_QUANTILES.indexOf(0.5);

/** The part of a batch of windows that scoring needs; shapes [n, H], row-major. */
interface ScoredTargets {
  readonly count: number;
  readonly target: ArrayLike<number>;
  readonly targetObserved: ArrayLike<number>;
  readonly stockOut: ArrayLike<number>;
}

/** What a score says; a ratio is undefined while Σ|y| is 0. */
export interface ForecastMetrics {
  /** Mean over the nine quantiles of 2 Σ pinball / Σ|y|, as GluonTS and fev define it. */
  readonly wql: number | undefined;
  /** Σ|y − q.5| / Σ|y|. */
  readonly wape: number | undefined;
  /** Share of scored periods with q.1 <= y <= q.9; a perfect forecast of continuous demand has 0.8. */
  readonly coverage: number | undefined;
  /** Σ(q.5 − y) / Σ|y|: above 0 the forecasts are too high. */
  readonly bias: number | undefined;
  /** Mean over series of the mean of |y − q.5|, divided by the series' own mean error of seasonal naive in training (Hyndman and Koehler 2006). */
  readonly mase: number | undefined;
  /** Periods scored: observed and not sold out. */
  readonly periods: number;
}

/** Adds forecasts up as they come; memory grows with the number of series only. */
export interface ForecastScore {
  /**
   * Adds a batch of windows. A period that is not observed, or was sold out (demand is then not known), is left out.
   *
   * @param forecasts [n, H, 9] units at {@link SCORED_QUANTILES}
   * @param seriesOf number of each window's series, 0 .. seriesCount - 1
   * @throws RangeError (when shapes do not fit, a forecast is not finite or a series' number is outside)
   */
  add(targets: ScoredTargets, forecasts: ArrayLike<number>, seriesOf: (row: number) => number): void;
  metrics(): ForecastMetrics;
  perSeries(): SeriesLosses;
}

/**
 * Starts an empty score over `seriesCount` series.
 *
 * @param naiveErrors [seriesCount] mean error of seasonal naive in training, for MASE; series where it is NaN or 0 are left out of it
 */
export function forecastScore(seriesCount: number, naiveErrors: Float64Array): ForecastScore {
  const absolute = new Float64Array(seriesCount);
  const scored = new Float64Array(seriesCount);
  let over = 0;
  const loss = new Float64Array(seriesCount);
  const demand = new Float64Array(seriesCount);
  let absoluteError = 0;
  let covered = 0;
  let periods = 0;
  return {
    add(targets, forecasts, seriesOf) {
      const { count, target, targetObserved, stockOut } = targets;
      const horizon = count === 0 ? 0 : target.length / count;
      if (!Number.isInteger(horizon) || targetObserved.length !== target.length || stockOut.length !== target.length) {
        throw new RangeError('targets and their masks must be [count, periods]');
      }
      if (forecasts.length !== target.length * COUNT) {
        throw new RangeError(
          `forecasts must be [count, periods, ${COUNT}] = ${target.length * COUNT}, not ${forecasts.length}`,
        );
      }
      for (let row = 0; row < count; row += 1) {
        const series = seriesOf(row);
        if (!(series >= 0 && series < seriesCount)) throw new RangeError(`no series ${series} of ${seriesCount}`);
        for (let at = row * horizon; at < (row + 1) * horizon; at += 1) {
          if (targetObserved[at] !== 1 || stockOut[at] === 1) continue;
          const y = target[at] as number;
          let pinball = 0;
          for (let level = 0; level < COUNT; level += 1) {
            pinball += pinballLoss(y, forecasts[at * COUNT + level] as number, SCORED_QUANTILES[level] as number);
          }
          if (!Number.isFinite(pinball)) throw new RangeError('a forecast is not a finite number');
          loss[series] = (loss[series] as number) + (2 * pinball) / COUNT;
          demand[series] = (demand[series] as number) + Math.abs(y);
          const error = (forecasts[at * COUNT + MEDIAN] as number) - y;
          absoluteError += Math.abs(error);
          over += error;
          absolute[series] = (absolute[series] as number) + Math.abs(error);
          scored[series] = (scored[series] as number) + 1;
          const low = forecasts[at * COUNT] as number;
          const high = forecasts[at * COUNT + COUNT - 1] as number;
          if (low <= y && y <= high) covered += 1;
          periods += 1;
        }
      }
    },
    metrics() {
      const total = sum(demand);
      const ratio = (value: number) => (total > 0 ? value / total : undefined);
      return {
        wql: ratio(sum(loss)),
        wape: ratio(absoluteError),
        coverage: periods > 0 ? covered / periods : undefined,
        bias: ratio(over),
        mase: meanScaledError(absolute, scored, naiveErrors),
        periods,
      };
    },
    perSeries: () => ({ loss: loss.slice(), demand: demand.slice() }),
  };
}

function meanScaledError(absolute: Float64Array, scored: Float64Array, naive: Float64Array): number | undefined {
  let total = 0;
  let series = 0;
  for (let index = 0; index < absolute.length; index += 1) {
    const error = naive[index] as number;
    if (!(error > 0) || scored[index] === 0) continue;
    total += (absolute[index] as number) / (scored[index] as number) / error;
    series += 1;
  }
  return series === 0 ? undefined : total / series;
}

/** Pinball loss of the forecast `quantile` of level `level` when `y` came: level·(y − q) above, (1 − level)·(q − y) below. */
export function pinballLoss(y: number, quantile: number, level: number): number {
  const difference = y - quantile;
  return difference >= 0 ? level * difference : (level - 1) * difference;
}

function sum(values: Float64Array): number {
  return values.reduce((total, value) => total + value, 0);
}
