import { DuckDBInstance } from '@duckdb/node-api';
import { PERIOD_CHANNELS } from '@hansa/shared/model/jobs/demand';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { dayNumber, isoDate } from '../../../data/days.ts';
import type { Frequency } from '../config.ts';
import { calendarTable, firstPeriodFrom, periodOf, periodSql, periodStart } from './calendar.ts';

const frequencies: Frequency[] = ['day', 'week', 'month'];
const anyDay = fc.integer({ min: dayNumber('1950-01-01'), max: dayNumber('2149-12-31') });

test('a day lies in its period, and periods join without gap', () => {
  fc.assert(
    fc.property(fc.constantFrom(...frequencies), anyDay, (frequency, day) => {
      const period = periodOf(frequency, day);
      expect(periodStart(frequency, period)).toBeLessThanOrEqual(day);
      expect(periodStart(frequency, period + 1)).toBeGreaterThan(day);
      const next = firstPeriodFrom(frequency, day);
      expect(periodStart(frequency, next)).toBeGreaterThanOrEqual(day);
      expect(periodStart(frequency, next - 1)).toBeLessThan(day);
    }),
    { seed: 1 },
  );
});

test('weeks begin on Monday and months on the first', () => {
  expect(isoDate(periodStart('week', periodOf('week', dayNumber('2026-11-29'))))).toBe('2026-11-23');
  expect(isoDate(periodStart('month', periodOf('month', dayNumber('2024-02-29'))))).toBe('2024-02-01');
  expect(isoDate(periodStart('month', periodOf('month', dayNumber('1969-12-31'))))).toBe('1969-12-01');
});

test('the database numbers periods as this code does', async () => {
  const instance = await DuckDBInstance.create(':memory:');
  const connection = await instance.connect();
  for (const frequency of frequencies) {
    const days =
      "SELECT CAST(unnest(generate_series(DATE '1950-01-01', DATE '2149-12-31', INTERVAL 13 DAY)) AS DATE) AS day";
    const reader = await connection.runAndReadAll(
      `SELECT date_diff('day', DATE '1970-01-01', day), ${periodSql(frequency, 'day')} FROM (${days})`,
    );
    const rows = reader.getRows();
    expect(rows.length).toBeGreaterThan(5000);
    expect(rows.filter(([day, period]) => periodOf(frequency, Number(day)) !== Number(period))).toEqual([]);
  }
  connection.closeSync();
  instance.closeSync();
});

test('calendar channels repeat with the year and stay in -1..1', () => {
  for (const frequency of frequencies) {
    const first = periodOf(frequency, dayNumber('2020-01-01'));
    const table = calendarTable(frequency, first, periodOf(frequency, dayNumber('2023-12-31')));
    expect(table.every((value) => value >= -1 && value <= 1)).toBe(true);
    const year = { day: 365, week: 52, month: 12 }[frequency];
    for (const channel of [7, 8, 9, 10]) {
      const shift = Math.abs((table[channel] as number) - (table[year * PERIOD_CHANNELS + channel] as number));
      expect(shift, `${frequency} ${channel}`).toBeLessThan(0.1);
    }
  }
});
