import type { DataReport, Finding, Timeline } from '../../job.ts';
import type { Frequency } from '../config.ts';
import { type CleaningReport, describeCleaning } from './cleaning.ts';

/** What a merchant's order files hold, as figures. */
export interface DemandFacts {
  readonly frequency: Frequency;
  readonly series: number;
  /** First day of the first and of the last period, YYYY-MM-DD. */
  readonly firstPeriod: string;
  readonly lastPeriod: string;
  /** The days that split the data, YYYY-MM-DD: the configured ones, or those chosen for want of any. */
  readonly validFrom: string;
  readonly testFrom: string;
  readonly horizonPeriods: number;
  readonly windows: { readonly train: number; readonly validation: number; readonly test: number };
  readonly cleaning: CleaningReport;
}

/** Tells a person, and programs, what was read. */
export function describeData(
  rows: number,
  facts: DemandFacts,
  findings: readonly Finding[],
  timeline: Timeline,
): DataReport {
  const n = (count: number) => count.toLocaleString('en-US');
  const { frequency, series, firstPeriod, lastPeriod, validFrom, testFrom, horizonPeriods, windows, cleaning } = facts;
  const { train, validation, test } = windows;
  return {
    summary: [
      `${n(rows)} order lines in ${n(series)} series, by ${frequency}, from ${firstPeriod} to ${lastPeriod}`,
      `windows of ${horizonPeriods} ${frequency}s ahead: ${n(train)} to train, ${n(validation)} to validate from ${validFrom}, ${n(test)} to test from ${testFrom}`,
    ],
    cleaning: describeCleaning(cleaning),
    findings,
    timeline,
    facts: { ...facts },
  };
}
