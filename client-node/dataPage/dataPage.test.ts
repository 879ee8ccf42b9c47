import { expect, test } from 'vitest';
import type { DataReport } from '../jobs/job.ts';
import { dataPage } from './dataPage.ts';

const report: DataReport = {
  summary: ['900 order lines in 3 series'],
  cleaning: ['duplicates: 2 removed'],
  findings: [
    { kind: 'note', sentence: 'Two articles are new.', examples: ['cup <b>', 'pan'] },
    { kind: 'warning', sentence: 'One article is a total.', examples: ['Total'] },
  ],
  timeline: {
    periods: Array.from({ length: 400 }, (_, at) => new Date(Date.UTC(2024, 0, 1 + at)).toISOString().slice(0, 10)),
    units: Array.from({ length: 400 }, (_, at) => at % 7),
    validFrom: '2024-10-01',
    testFrom: '2024-12-01',
  },
  facts: {},
};

test('the page shows warnings first, names what they are about, and escapes it', () => {
  const page = dataPage([{ job: 'demand', report }]);
  expect(page.indexOf('One article is a total.')).toBeLessThan(page.indexOf('Two articles are new.'));
  expect(page).toContain('One thing in the files should be looked at');
  expect(page).toContain('cup &lt;b&gt;');
  expect(page).not.toContain('<b>cup');
  expect(page).not.toContain('script-src');
});

test('the chart adds neighbours up, loses no unit and says what is held out', () => {
  const page = dataPage([{ job: 'demand', report }]);
  const bars = [...page.matchAll(/<rect class="bar (train|validation|test)"[^>]*><title>([0-9-]+): ([0-9,]+)</g)];
  expect(bars.length).toBeLessThanOrEqual(160);
  const total = bars.reduce((sum, [, , , units]) => sum + Number(units!.replaceAll(',', '')), 0);
  expect(total).toBe(report.timeline!.units.reduce((sum, units) => sum + units, 0));
  expect(new Set(bars.map(([, part]) => part))).toEqual(new Set(['train', 'validation', 'test']));
});

test('without findings and without a timeline the page says so', () => {
  const { timeline: _, ...rest } = report;
  const page = dataPage([{ job: 'risk', report: { ...rest, findings: [] } }]);
  expect(page).toContain('Nothing in the files is doubted.');
  expect(page).not.toContain('<svg class="chart"');
});
