/** Weights of the level α, the trend β and the season γ, and the damping φ: the error-correction form of Hyndman, Koehler, Ord and Snyder (2008). */
export interface SmoothingWeights {
  readonly level: number;
  /** 0 without a trend. */
  readonly trend: number;
  /** 0 without a season. */
  readonly season: number;
  /** 0 without a trend. */
  readonly damping: number;
}

/** What is known at a period: the level and the trend before it, and what each place of the season adds, that of the period itself first. */
export interface SmoothingStates {
  readonly level: number;
  readonly trend: number;
  /** [season]; one 0 without a season. */
  readonly seasons: Float64Array;
}

export interface SmoothingRun {
  /** After the last value. */
  readonly end: SmoothingStates;
  /** Sum of the squared one-step errors. */
  readonly squares: number;
}

/**
 * Runs additive exponential smoothing through the values. A period that is not known (NaN) lets the trend go on and changes nothing else.
 *
 * @param errors is given the one-step errors of the known values, in their order
 */
export function smooth(
  values: Float64Array,
  weights: SmoothingWeights,
  start: SmoothingStates,
  errors?: number[],
): SmoothingRun {
  let { level, trend } = start;
  const seasons = start.seasons.slice();
  const season = seasons.length;
  let place = 0;
  let squares = 0;
  for (const value of values) {
    trend *= weights.damping;
    level += trend;
    if (!Number.isNaN(value)) {
      const error = value - level - (seasons[place] as number);
      squares += error * error;
      errors?.push(error);
      level += weights.level * error;
      trend += weights.trend * error;
      seasons[place] = (seasons[place] as number) + weights.season * error;
    }
    place = place + 1 === season ? 0 : place + 1;
  }
  const ahead = seasons.map((_, step) => seasons[(place + step) % season] as number);
  return { end: { level, trend, seasons: ahead }, squares };
}

/** The middle of the forecast of each period ahead, and how many times wider than the one-step errors it is: √(1 + Σ cⱼ²), table 6.1 of that book. */
export function smoothAhead(
  { level, trend, seasons }: SmoothingStates,
  weights: SmoothingWeights,
  periods: number,
): { readonly points: Float64Array; readonly widths: Float64Array } {
  const points = new Float64Array(periods);
  const widths = new Float64Array(periods);
  const season = seasons.length;
  let damping = 1;
  let damped = 0;
  let variance = 1;
  for (let step = 0; step < periods; step += 1) {
    damping *= weights.damping;
    damped += damping;
    points[step] = level + damped * trend + (seasons[step % season] as number);
    widths[step] = Math.sqrt(variance);
    const change = weights.level + weights.trend * damped + ((step + 1) % season === 0 ? weights.season : 0);
    variance += change * change;
  }
  return { points, widths };
}
