import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { repositoryRoot } from '../../sourceCopy/repositoryRoot.ts';
import { demandSets, writeWeeks } from './demandSets.ts';

const dataFolder = process.env.HANSA_DATA ?? join(repositoryRoot, '../shared/data');
const isAbsent = !existsSync(join(dataFolder, 'walmart_store_sales'));
if (isAbsent) console.warn(`SKIPPED: ${dataFolder} is not there; set HANSA_DATA to the folder of the public data sets`);

describe('writeWeeks', () => {
  let folder: string;
  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), 'hansa-weeks-'));
  });
  afterAll(() => rmSync(folder, { recursive: true }));

  it.skipIf(isAbsent)(
    'sums the largest items of every location to whole weeks, with a good year before the test',
    async () => {
      const set = demandSets.find(({ name }) => name === 'walmart_store_sales')!;
      const series = await writeWeeks(set, dataFolder, folder);
      expect(series).toHaveLength(45 * 20);
      for (const { units, testStart } of series) {
        expect(testStart).toBeGreaterThanOrEqual(70);
        expect(units).toHaveLength(testStart + set.testWeeks);
        expect(units[0]).toBeGreaterThan(0);
        expect(units.every((value) => value >= 0)).toBe(true);
      }
      expect(existsSync(join(folder, 'weeks.parquet'))).toBe(true);
    },
  );

  it('says where a data set should be', async () => {
    await expect(writeWeeks(demandSets[0]!, join(folder, 'none'), folder)).rejects.toMatchObject({ code: 'NotFound' });
  });
});
