import { isoDate } from '../../../../data/days.ts';
import type { Finding } from '../../../job.ts';
import { type DataConfig, frequencyShapes } from '../../config.ts';
import { periodStart } from '../calendar.ts';
import { PLANNED_SHARE } from '../knownSeries.ts';
import type { SeriesTable } from '../series.ts';
import type { SplitPeriods } from '../splitPeriods.ts';
import type { PlacedWindows } from '../windowSet.ts';
import { listed } from './listed.ts';

/** From this share of periods without a sale on, a longer period suits better. */
const SPARSE_SHARE = 0.7;

/** Tells what the split, the length of the history and rare sales keep from being learned. */
export function coverage(
  { frequency }: DataConfig,
  table: SeriesTable,
  split: SplitPeriods,
  sets: { readonly validation: PlacedWindows; readonly test: PlacedWindows; readonly stride: number },
  used: ReadonlySet<number>,
): Finding[] {
  const { season } = frequencyShapes[frequency];
  const findings: Finding[] = [];
  const tell = (sentence: string) => findings.push({ kind: 'warning', sentence, examples: [] });
  const note = (sentence: string, examples: readonly string[] = []) =>
    findings.push({ kind: 'note', sentence, examples: listed(examples) });
  const cutBy = (name: 'validFrom' | 'testFrom', start: number) => {
    tell(
      `${name} (${split[name]}) lies inside a ${frequency}: that ${frequency} is nobody's target. ` +
        `${isoDate(periodStart(frequency, start))} is the first day of the next one.`,
    );
  };
  if (split.validStart !== split.trainEnd) cutBy('validFrom', split.validStart);
  if (split.testStart !== split.validEnd) cutBy('testFrom', split.testStart);
  if (sets.validation.windows.count === 0) {
    tell('No series can be forecast between validFrom and testFrom: learning rates cannot be chosen on this data.');
  }
  if (sets.test.windows.count === 0) {
    tell('No series can be forecast from testFrom on: there is nothing to evaluate.');
  }
  if (split.trainEnd - split.first < 2 * season) {
    note(
      `Before validFrom there are ${split.trainEnd - split.first} ${frequency}s, fewer than two seasons (${2 * season}): seasons can hardly be learned.`,
    );
  }
  if (table.promotion !== undefined) {
    const stated = table.stated.reduce((sum, share) => sum + share, 0) / table.count;
    if (stated < PLANNED_SHARE) {
      tell(
        `Only ${Math.round(100 * stated)} % of the periods have a line that states the promotion. A series' promotions are used as a plan ` +
          'only where at least 95 % do: write a line with quantity 0 for days without a sale.',
      );
    }
  }
  if (sets.stride > 1) {
    tell(`There is much data: training takes every ${sets.stride}th ${frequency} as an origin.`);
  }
  tellSparse(table, frequency, note);
  const dropped = table.names.filter((_, index) => !used.has(index));
  if (dropped.length > 0) {
    note(
      `${dropped.length} of ${table.count} series are in no window, neither to train nor to score: too short, or not sold lately. They are still forecast.`,
      dropped,
    );
  }
  const fresh = table.names.filter((_, index) => (table.firstPeriods[index] as number) >= split.trainEnd);
  if (fresh.length > 0) {
    note(
      `${fresh.length} of ${table.count} series begin after validFrom: nothing is learned of them in training.`,
      fresh,
    );
  }
  return findings;
}

/** Periods of a coarser frequency, about. */
const coarser = {
  day: [
    ['week', 7],
    ['month', 30],
  ],
  week: [['month', 4]],
  month: [],
} as const;

function tellSparse(table: SeriesTable, frequency: DataConfig['frequency'], tell: (sentence: string) => void): void {
  const share = zeroShare(table, 1);
  if (share < SPARSE_SHARE) return;
  const percent = (part: number) => `${Math.round(100 * part)} %`;
  const shares = coarser[frequency].map(([name, periods]) => ({ name, share: zeroShare(table, periods) }));
  const suits = shares.find((one) => one.share < SPARSE_SHARE / 2) ?? shares.at(-1);
  const advice =
    suits === undefined
      ? ''
      : ` By ${suits.name} it would be ${percent(suits.share)}: set data.frequency to "${suits.name}" if orders are placed that rarely.`;
  tell(`Sales are rare: in ${percent(share)} of the ${frequency}s of an item nothing was sold.${advice}`);
}

/** Share of stretches of so many periods in which a series sold nothing, over all series. */
function zeroShare(table: SeriesTable, periods: number): number {
  let [zero, all] = [0, 0];
  for (let index = 0; index < table.count; index += 1) {
    const to = table.offsets[index + 1] as number;
    for (let from = table.offsets[index] as number; from < to; from += periods) {
      all += 1;
      if (table.sold.subarray(from, Math.min(to, from + periods)).every((units) => units === 0)) zero += 1;
    }
  }
  return zero / all;
}
