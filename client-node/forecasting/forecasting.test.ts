import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { openDatabase } from '../data/database.ts';
import { forecastOf, streamOf } from './fixtures.ts';
import { forecastColumns, forecastCsv } from './forecastCsv.ts';
import { forecastParquet } from './forecastParquet.ts';
import { forecastPage } from './page/forecastPage.ts';
import { largestChanges, ranked } from './page/ranking.ts';
import type { SeriesForecast } from './seriesForecast.ts';

async function textOf(pieces: AsyncIterable<string>): Promise<string> {
  let text = '';
  for await (const piece of pieces) text += piece;
  return text;
}
const csvOf = (...forecasts: SeriesForecast[]) => textOf(forecastCsv(streamOf(...forecasts)));

describe('forecastCsv', () => {
  it('has a row for each period: the period alone, and the sum up to it', async () => {
    const [header, first, second, rest] = (await csvOf(forecastOf({ location: 'north' }))).split('\r\n');
    expect(header).toBe(
      'item,location,period,mean,q10,q30,q50,q70,q90,meanToDate,q10ToDate,q30ToDate,q50ToDate,q70ToDate,q90ToDate',
    );
    expect(first).toBe('tea,north,2026-01-05,3.2,1,2,3,4,5,3.2,1,2,3,4,5');
    expect(second).toBe('tea,north,2026-01-12,4.5,2,3,4,5,6,7.7,5,6,7,8,9');
    expect(rest).toBe('');
    expect(forecastColumns([0.01, 0.05]).slice(4, 6)).toEqual(['q01', 'q05']);
  });

  it.each([
    ['a comma', 'tea, green', '"tea, green"'],
    ['quotes', 'the "best" tea', '"the ""best"" tea"'],
    ['a line break', 'tea\ngreen', '"tea\ngreen"'],
    ['a formula', '=HYPERLINK("http://x")', '"\'=HYPERLINK(""http://x"")"'],
    ['a sign', '-5 %', "'-5 %"],
    ['a function of old spreadsheets', '@SUM(A1)', "'@SUM(A1)"],
  ])('writes a name with %s so that it stays a name', async (_, item, cell) => {
    expect((await csvOf(forecastOf({ item }))).split('\r\n')[1]!.startsWith(`${cell},,2026`)).toBe(true);
  });
});

describe('forecastParquet', () => {
  let folder: string;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'hansa-forecasts-'));
  });
  afterEach(() => rmSync(folder, { recursive: true }));

  it('holds the rows and columns of the CSV, with names as they are', async () => {
    const [from, to] = [join(folder, 'forecasts.jsonl'), join(folder, 'forecasts.parquet')];
    const tea = forecastOf({ item: '=tea', location: 'north' });
    const coffee = forecastOf({ item: 'coffee', periods: ['2026-01-05'], quantiles: [[0, 1, 2, 3, 4]], mean: [2] });
    writeFileSync(from, [tea, coffee].map((line) => `${JSON.stringify(line)}\n`).join(''));
    await forecastParquet(from, to, tea.levels, folder);
    const database = await openDatabase([to], { scratchFolder: folder });
    const rows = await database.rows(
      `SELECT item, location, CAST(period AS VARCHAR) AS period, mean, q90, "meanToDate", "q10ToDate" FROM read_parquet('${to}') WHERE mean IS NOT NULL ORDER BY ALL`,
    );
    const types = await database.rows(`DESCRIBE SELECT * FROM read_parquet('${to}')`);
    await database.close();
    expect(types.map(({ column_name }) => column_name)).toEqual(forecastColumns(tea.levels));
    expect(rows).toEqual([
      { item: '=tea', location: 'north', period: '2026-01-05', mean: 3.2, q90: 5, meanToDate: 3.2, q10ToDate: 1 },
      { item: '=tea', location: 'north', period: '2026-01-12', mean: 4.5, q90: 6, meanToDate: 7.7, q10ToDate: 5 },
      expect.objectContaining({ item: 'coffee', location: '', period: '2026-01-05', mean: 2, q90: 4 }),
    ]);
  });
});

describe('the ranking of the page', () => {
  it('compares the horizon with as many periods before; sold-out ones are not low demand', () => {
    expect(ranked(forecastOf({ history: [100, 2, 6] })).changePercent).toBeCloseTo(100 * (7.7 / 8 - 1), 9);
    expect(ranked(forecastOf({ history: [100, null, 6] })).changePercent).toBeCloseTo(100 * (7.7 / 12 - 1), 9);
    expect(ranked(forecastOf({ history: [6] })).changePercent).toBeUndefined();
    expect(ranked(forecastOf({ history: [0, 0] })).changePercent).toBeUndefined();
  });

  it('keeps the largest changes of a long stream', async () => {
    const many = Array.from({ length: 57 }, (_, at) => forecastOf({ name: `${at}`, meanToDate: [0, (at * 31) % 57] }));
    let seen = 0;
    const kept = await largestChanges(streamOf(...many), 5, () => {
      seen += 1;
    });
    expect(seen).toBe(57);
    // History is 2 and 6: 8 before.
    expect(kept.map(({ series }) => Math.abs(series.meanToDate[1]! - 8))).toEqual([48, 47, 46, 45, 44]);
  });
});

describe('forecastPage', () => {
  it.each([
    ['en', 'Demand forecast', '2 weeks'],
    ['zh', '需求预测', '2 周'],
  ] as const)('speaks %s, shows every quantile it promises, and loads nothing', async (language, title, span) => {
    const page = await textOf(forecastPage(streamOf(forecastOf(), forecastOf({ name: 'coffee' })), language));
    expect(page).toContain(`<h1>${title}</h1>`);
    expect(page).toContain(span);
    expect(page.match(/<article>/g)).toHaveLength(2);
    expect(page.match(/class="chart"/g)).toHaveLength(2);
    expect(page).toContain("default-src 'none'");
    expect(page).not.toMatch(/(?:src|href)=/);
    expect(page.match(/<[a-z]/g)!.length).toBeGreaterThan(page.match(/<\/html>/g)!.length);
  });

  it('escapes what it was told', async () => {
    const page = await textOf(forecastPage(streamOf(forecastOf({ name: '<img src=x onerror="alert(1)">' })), 'en'));
    expect(page).not.toContain('<img');
    expect(page).toContain('&lt;img');
  });

  it('says so where there are more series than it shows, and is a page where there are none', async () => {
    const many = Array.from({ length: 250 }, (_, at) => forecastOf({ name: `${at}` }));
    const page = await textOf(forecastPage(streamOf(...many), 'en'));
    expect(page.match(/<article>/g)).toHaveLength(200);
    expect(page).toContain('The page shows 200 of 250');
    expect(await textOf(forecastPage(streamOf(), 'en'))).toContain('</html>');
  });
});
