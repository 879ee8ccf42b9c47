import type { Interval, ReportData } from './data.ts';

/** Per merchant, 95 % of the change of fine-tuned against local-only, in per cent. */
export function fineTunedIntervals({ merchants }: Pick<ReportData, 'merchants'>): ReadonlyMap<string, Interval> {
  return new Map(
    merchants.flatMap(({ id, againstLocal: { fineTuned } }) => (fineTuned ? [[id, fineTuned] as const] : [])),
  );
}
