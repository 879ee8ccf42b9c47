import type { DataConfig, Frequency } from '../config.ts';
import type { CleaningReport } from './cleaning.ts';
import { describeCleaning } from './cleaning.ts';
import { type LoadOptions, loadMerchantData } from './merchantData.ts';

/** What a merchant's order files hold, as `hansa-client check-data` tells it. */
export interface DataCheck {
  readonly frequency: Frequency;
  readonly rows: number;
  readonly series: number;
  /** First day of the first and of the last period, YYYY-MM-DD. */
  readonly firstPeriod: string;
  readonly lastPeriod: string;
  readonly horizonPeriods: number;
  readonly windows: { readonly train: number; readonly validation: number; readonly test: number };
  readonly cleaning: CleaningReport;
}

/** Reads and cleans the order files as training would, and reports. @throws as {@link loadMerchantData} */
export async function checkData(config: DataConfig, baseFolder: string, options: LoadOptions = {}): Promise<DataCheck> {
  const data = await loadMerchantData(config, baseFolder, options);
  const { frequency, rows, series, firstPeriod, lastPeriod, horizonPeriods, cleaning } = data;
  const windows = { train: data.train.count, validation: data.validation.count, test: data.test.count };
  return { frequency, rows, series, firstPeriod, lastPeriod, horizonPeriods, windows, cleaning };
}

/** A check as plain lines for a person. */
export function describeCheck(check: DataCheck): string[] {
  const n = (count: number) => count.toLocaleString('en-US');
  const { train, validation, test } = check.windows;
  return [
    `${n(check.rows)} order lines in ${n(check.series)} series, by ${check.frequency}, from ${check.firstPeriod} to ${check.lastPeriod}`,
    `windows of ${check.horizonPeriods} ${check.frequency}s ahead: ${n(train)} to train, ${n(validation)} to validate, ${n(test)} to test`,
    ...describeCleaning(check.cleaning),
  ];
}
