import { expect, test } from 'vitest';
import { dataConfigSchema } from './config.ts';

const good = {
  sources: [{ file: 'orders.csv', columns: { date: 'd', item: 'i', quantity: 'q' } }],
  frequency: 'week',
  returns: 'negative',
  validFrom: '2024-01-01',
  testFrom: '2024-06-03',
};

function faults(config: unknown): string[] {
  const parsed = dataConfigSchema.safeParse(config);
  return parsed.success ? [] : parsed.error.issues.map((issue) => issue.path.join('.'));
}

test('a whole config passes', () => {
  expect(faults(good)).toEqual([]);
  expect(faults({ ...good, sources: [{ ...good.sources[0], from: '2020-01-01', before: '2021-01-01' }] })).toEqual([]);
});

test('every fault is told at once, those of relations between fields among them', () => {
  const source = {
    file: 'orders.doc',
    columns: { date: 'd', item: '', quantity: 'q', colour: 'c' },
    from: '2024-02-01',
    before: '2024-01-01',
  };
  const config = {
    ...good,
    sources: [source],
    frequency: 'fortnight',
    validFrom: '2024-06-03',
    testFrom: '2024-06-03',
    extra: 1,
  };
  expect(faults(config).sort()).toEqual(
    [
      '',
      'frequency',
      'sources.0.before',
      'sources.0.columns',
      'sources.0.columns.item',
      'sources.0.file',
      'testFrom',
    ].sort(),
  );
});

test.each(['2024-02-30', '2024-13-01', '24-01-01', '0021-01-01', '9999-12-31', 'soon', '2024-01-01T00:00'])(
  '%s is refused as a split date',
  (validFrom) => {
    expect(faults({ ...good, validFrom })).toEqual(['validFrom']);
  },
);

test('asking for one merchant needs its column in every source', () => {
  const named = { file: 'a.csv', columns: { date: 'd', item: 'i', quantity: 'q', merchant: 'm' } };
  expect(faults({ ...good, merchant: 'Baltic', sources: [named] })).toEqual([]);
  expect(faults({ ...good, merchant: 'Baltic', sources: [named, good.sources[0]] })).toEqual(['merchant']);
});
