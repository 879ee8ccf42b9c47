import { createHash } from 'node:crypto';
import type { DataConfig } from '../config.ts';
import type { WindowSource } from './windowSet.ts';

/**
 * SHA-256 over everything that windows are built from: equal digests, equal windows. It tells of the data, so it stays on the node.
 *
 * @param split the periods at which the windows are split
 */
export function dataDigest(
  { frequency, table, units, lastPeriod, plan }: WindowSource,
  split: object,
  holidays: DataConfig['holidays'],
): string {
  const { offsets, firstPeriods, categories, censored, returned, price, promotion, stated, stock } = table;
  const columns = { offsets, firstPeriods, units, censored, returned, price, promotion, stated, stock };
  const hash = createHash('sha256');
  hash.update(JSON.stringify({ frequency, lastPeriod, split, categories, holidays, plan: plan?.text }));
  for (const [name, values] of Object.entries(columns)) {
    // With its length, so that no column's end can be taken for the next one's beginning.
    hash.update(`\n${name} ${values?.length ?? 'absent'}\n`);
    if (values !== undefined) hash.update(values);
  }
  return hash.digest('hex');
}
