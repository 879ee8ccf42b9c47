import { dataFault } from '../../../data/dataFault.ts';
import { dayNumber, isoDate } from '../../../data/days.ts';
import { type DataConfig, frequencyShapes } from '../config.ts';
import { firstPeriodFrom, periodOf, periodStart } from './calendar.ts';
import type { WholePeriods } from './wholePeriods.ts';
import { MIN_HISTORY_PERIODS } from './windowSet.ts';

/** Share of the periods that validate, and share that test, where no days are configured. */
const HELD_OUT_SHARE = 0.15;

/** The periods at which a merchant's windows are split. */
export interface SplitPeriods {
  /** First days of validation and test, YYYY-MM-DD. */
  readonly validFrom: string;
  readonly testFrom: string;
  readonly first: number;
  /** First period that is not wholly before validFrom. */
  readonly trainEnd: number;
  readonly validStart: number;
  readonly validEnd: number;
  readonly testStart: number;
}

/**
 * Splits whole periods at the configured days; without any, the last 30 % are held out, half of them to validate and half to test, each whole horizons long
 * where there is room.
 *
 * @param days day numbers with lines, ascending
 * @throws HansaError InvalidData (where there are too few periods)
 */
export function splitPeriods(config: DataConfig, days: Int32Array, whole: WholePeriods): SplitPeriods {
  const { frequency } = config;
  const { horizonPeriods } = frequencyShapes[frequency];
  const { validFrom, testFrom } = splitDays(config, whole);
  const valid = dayNumber(validFrom);
  const test = dayNumber(testFrom);
  const split: SplitPeriods = {
    validFrom,
    testFrom,
    first: whole.first,
    trainEnd: periodOf(frequency, valid),
    validStart: firstPeriodFrom(frequency, valid),
    validEnd: periodOf(frequency, test),
    testStart: firstPeriodFrom(frequency, test),
  };
  const units = { day: 'days', week: 'weeks', month: 'months' }[frequency];
  const before = split.trainEnd - split.first;
  const needed = MIN_HISTORY_PERIODS + horizonPeriods;
  const faults: string[] = [];
  if (before < needed) {
    faults.push(
      `before validFrom (${validFrom}) there are ${Math.max(0, before)} whole ${units} of data, and at least ${needed} are needed ` +
        `(${MIN_HISTORY_PERIODS} of history and ${horizonPeriods} to forecast)`,
    );
  }
  if (split.validEnd <= split.validStart) {
    faults.push(`between validFrom (${validFrom}) and testFrom (${testFrom}) there is no whole ${frequency}`);
  }
  if (whole.last < split.testStart) {
    faults.push(`from testFrom (${testFrom}) on there is no whole ${frequency} of data`);
  }
  if (faults.length === 0) return split;
  const [from, to] = [days[0]!, days[days.length - 1]!];
  const covers =
    from === to
      ? `The order lines cover one day, ${isoDate(from)}`
      : `The order lines cover ${to - from + 1} days, ${isoDate(from)} to ${isoDate(to)}`;
  throw dataFault(
    `${covers}: too little for these split dates. ${faults.map((fault) => fault[0]?.toUpperCase() + fault.slice(1)).join('. ')}. ` +
      `Give at least ${needed + 2} ${units} (${needed} before validFrom, 1 from there, 1 from testFrom), or move the split dates.`,
    { neededPeriods: needed + 2 },
  );
}

/** The days that split the data. */
function splitDays(
  { frequency, validFrom, testFrom }: DataConfig,
  { first, last }: WholePeriods,
): { validFrom: string; testFrom: string } {
  if (validFrom !== undefined && testFrom !== undefined) return { validFrom, testFrom };
  const { horizonPeriods } = frequencyShapes[frequency];
  const periods = last - first + 1;
  const horizons = Math.max(1, Math.round((HELD_OUT_SHARE * periods) / horizonPeriods));
  const room = Math.floor((periods - MIN_HISTORY_PERIODS - horizonPeriods) / 2);
  const held = Math.max(1, Math.min(horizons * horizonPeriods, room));
  const dayOf = (period: number) => isoDate(periodStart(frequency, period));
  return { validFrom: dayOf(last + 1 - 2 * held), testFrom: dayOf(last + 1 - held) };
}
