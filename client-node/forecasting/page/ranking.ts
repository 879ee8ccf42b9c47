import type { SeriesForecast } from '../seriesForecast.ts';

/** A forecast beside what was sold before. */
export interface RankedForecast {
  readonly series: SeriesForecast;
  /** Expected change of the horizon against as many periods before, in per cent; undefined where there are none, or nothing was sold in them. */
  readonly changePercent: number | undefined;
  /** The same in units, of either sign; the whole horizon's mean of an item that is too new. */
  readonly changeUnits: number;
}

/** How the expected demand of a horizon compares with as many periods before; sold-out ones count as the mean of the others. */
export function ranked(series: SeriesForecast): RankedForecast {
  const { history, periods, meanToDate } = series;
  const expected = meanToDate.at(-1) ?? 0;
  const before = history.slice(-periods.length).filter((units) => units !== null);
  if (history.length < periods.length || before.length === 0)
    return { series, changePercent: undefined, changeUnits: expected };
  const sold = (before.reduce((sum, units) => sum + units, 0) / before.length) * periods.length;
  return {
    series,
    changePercent: sold > 0 ? 100 * (expected / sold - 1) : undefined,
    changeUnits: expected - sold,
  };
}

/** The `most` with the largest changes in units, largest first, of a stream of any length. */
export async function largestChanges(
  forecasts: AsyncIterable<SeriesForecast>,
  most: number,
  onEach: (series: SeriesForecast) => void,
): Promise<RankedForecast[]> {
  const kept: RankedForecast[] = [];
  const cut = () => {
    kept.sort((a, b) => Math.abs(b.changeUnits) - Math.abs(a.changeUnits));
    kept.length = Math.min(kept.length, most);
  };
  for await (const series of forecasts) {
    onEach(series);
    kept.push(ranked(series));
    if (kept.length >= 4 * most) cut();
  }
  cut();
  return kept;
}
