import { isoDate } from '../../../data/days.ts';
import { type DataConfig, dataConfigSchema } from '../config.ts';

/** A daily config over `orders.csv` with the columns date, item and qty, split at 2024-04-01 and 2024-05-01. */
export function dailyConfig(changes: Partial<DataConfig> & { columns?: Record<string, string> } = {}): DataConfig {
  const { columns, ...rest } = changes;
  return dataConfigSchema.parse({
    sources: [{ file: 'orders.csv', columns: { date: 'date', item: 'item', quantity: 'qty', ...columns } }],
    frequency: 'day',
    returns: 'none',
    validFrom: '2024-04-01',
    testFrom: '2024-05-01',
    ...rest,
  });
}

/** First and last day that {@link dailyLines} covers, as day numbers. */
export const FIRST_DAY = Date.parse('2024-01-01') / 86_400_000;
export const LAST_DAY = Date.parse('2024-06-30') / 86_400_000;

/** One line a day and item over the half year that {@link dailyConfig} splits. */
export function dailyLines(
  items: readonly string[],
  quantity: (day: number, item: number) => string | undefined,
): string[] {
  const lines: string[] = [];
  for (let day = FIRST_DAY; day <= LAST_DAY; day += 1) {
    items.forEach((item, index) => {
      const rest = quantity(day, index);
      if (rest !== undefined) lines.push(`${isoDate(day)},${item},${rest}`);
    });
  }
  return lines;
}
