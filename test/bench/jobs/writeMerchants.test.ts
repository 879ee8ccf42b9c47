import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { repositoryRoot } from '../../sourceCopy/repositoryRoot.ts';
import { dataSets } from './dataSets.ts';
import { type Merchant, writeMerchants } from './writeMerchants.ts';

const dataFolder = process.env.HANSA_DATA ?? join(repositoryRoot, '../shared/data');

const isAbsent = dataSets.some(({ name }) => !existsSync(join(dataFolder, name)));
if (isAbsent) console.warn(`SKIPPED: ${dataFolder} is not there; set HANSA_DATA to the folder of the public data sets`);

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'hansa-merchants-'));
});
afterEach(() => rmSync(folder, { recursive: true }));

/** Of each order of a merchant, whether it was late. */
function outcomes({ folder }: Merchant): Map<string, boolean> {
  const [header, ...lines] = readFileSync(join(folder, 'deliveries.csv'), 'utf8').trimEnd().split('\n');
  expect(header!.split(',').slice(0, 5)).toEqual(['id', 'ordered', 'promised', 'delivered', 'late']);
  return new Map(
    lines.map((line) => {
      const [id, , , , late] = line.split(',');
      return [id!, late === 'true'];
    }),
  );
}

const lateOf = (merchant: Merchant) => [...outcomes(merchant).values()].filter((late) => late).length;

/** Merchants, orders of all of them, and late ones, as they were counted in the published files. */
const published = { scms_delivery: [16, 9667, 1115], olist: [11, 30_997, 2071] };

describe.skipIf(isAbsent)('public orders', () => {
  it.each(dataSets.map((dataSet) => [dataSet.name, dataSet] as const))(
    'of %s are written by merchant, shuffled or as they are',
    async (name, dataSet) => {
      const real = await writeMerchants(dataSet, dataFolder, join(folder, 'real'), false);
      const sum = (values: number[]) => values.reduce((total, value) => total + value, 0);
      expect([real.length, sum(real.map(({ orders }) => orders)), sum(real.map(lateOf))]).toEqual(published[name]);
      const shuffled = await writeMerchants(dataSet, dataFolder, join(folder, 'shuffled'), true);
      expect(shuffled.map(lateOf)).toEqual(real.map(lateOf));
      const [before, after] = [outcomes(real[0]!), outcomes(shuffled[0]!)];
      expect([...after.keys()]).toEqual([...before.keys()]);
      // Where outcomes change places at random, as many late orders stay late as are late at all.
      const rate = lateOf(real[0]!) / before.size;
      const stayed = [...before].filter(([id, late]) => late && after.get(id)).length / lateOf(real[0]!);
      expect(Math.abs(stayed - rate)).toBeLessThan(0.1);
    },
    60_000,
  );
});
