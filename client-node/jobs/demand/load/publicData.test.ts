import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { DuckDBInstance, quotedString } from '@duckdb/node-api';
import { expect, type TestContext, test } from 'vitest';
import { z } from 'zod';
import { dayNumber } from '../../../data/days.ts';
import { dataConfigSchema } from '../config.ts';
import { loadMerchantData } from './merchantData.ts';

const root = join(import.meta.dirname, '../../../..');
const dataFolder = process.env.HANSA_DATA ?? join(root, '../shared/data');

/** The public data set's folder; without it the test counts as skipped and says so. */
function folderOf(name: string, context: TestContext): string {
  const folder = join(dataFolder, name);
  if (!existsSync(folder)) {
    const note = `SKIPPED: ${folder} is not there; set HANSA_DATA to the folder of the public data sets`;
    console.warn(note);
    context.skip(note);
  }
  return folder;
}

function configOf(name: string, merchant: string) {
  const text = readFileSync(join(root, 'test/demo/mappings', `${name}.json`), 'utf8');
  const { title, ...mapping } = z.looseObject({ title: z.string() }).parse(JSON.parse(text));
  expect(title.length).toBeGreaterThan(10);
  return dataConfigSchema.parse({ ...mapping, merchant });
}

async function sumOf(sql: string): Promise<number> {
  const instance = await DuckDBInstance.create(':memory:');
  const connection = await instance.connect();
  const reader = await connection.runAndReadAll(sql);
  const value = Number(reader.getRows()[0]?.[0]);
  connection.closeSync();
  instance.closeSync();
  return value;
}

test('Iowa by county: litres of every test window are those of the file, and the last 26 weeks are the test', async (context) => {
  const folder = folderOf('iowa_liquor', context);
  const data = await loadMerchantData(configOf('iowa_liquor', 'POLK'), folder);
  expect(data.rows).toBe(34_314);
  expect(data.firstPeriod).toBe('2011-12-26');
  expect(data.lastPeriod).toBe('2016-05-23');
  expect(data.cleaning.duplicatesRemoved).toBe(0);
  const file = quotedString(join(folder, 'iowa_weekly_city_item.parquet'));
  let litres = 0;
  const seen = new Set<string>();
  for (let index = 0; index < data.test.count; index += 1) {
    const place = data.test.describe(index);
    seen.add(place.series);
    litres += data.test.batch([index]).target.reduce((sum, value) => sum + value, 0);
    expect((dayNumber(place.originPeriod) - dayNumber('2015-11-30')) % 56).toBe(0);
  }
  const items = [...seen].map(quotedString).join(', ');
  const all = `SELECT sum(sum_sale_liters) FROM ${file} WHERE county = 'POLK' AND weekStarting > '2015-11-30'`;
  const total = await sumOf(`${all} AND item IN (${items})`);
  // What is sold in windows that nothing sold in the 91 weeks before, or an item's first 7 weeks, is not forecast.
  expect(litres).toBeLessThanOrEqual(total * (1 + 1e-6));
  expect(litres).toBeGreaterThan(0.98 * (await sumOf(all)));
});

test('Online Retail by country: overlapping files, returns, repeated invoice lines', async (context) => {
  const folder = folderOf('online_retail', context);
  const check = await loadMerchantData(configOf('online_retail', 'France'), folder);
  expect(check).toMatchObject({ rows: 13_909, frequency: 'week', lastPeriod: '2011-11-28' });
  expect(check.cleaning.returnLines).toBeGreaterThan(0);
  expect(check.cleaning.duplicatesRemoved).toBeGreaterThan(0);
  expect(check.cleaning.identicalKept).toBe(0);
  expect(check.report.summary[0]).toContain('13,909 order lines');
  expect(check.report.cleaning.some((line) => line.startsWith('returns: '))).toBe(true);
});
