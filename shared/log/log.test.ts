import { expect, test } from 'vitest';
import { HansaError } from '../errors/index.ts';
import { createLogger } from './index.ts';

function logged(error: Error): string {
  const lines: string[] = [];
  createLogger('test', 'info', { write: (line: string) => void lines.push(line) }).error({ err: error }, 'failed');
  return lines.join('');
}

test('no cell of an order file stands in a log, and everything else of the error does', () => {
  const text = logged(
    new HansaError('InvalidData', 'orders.csv, row 12, column "customer": "Ada Lovelace" is no number'),
  );
  expect(text).not.toContain('Ada');
  expect(text).not.toContain('customer');
  expect(text).toContain('orders.csv, row 12');
  expect(text).toContain('InvalidData');
  expect(text).toContain('log.test.ts');
});

test('other errors are logged as they are', () => {
  expect(logged(new HansaError('InvalidConfig', 'the key "folder" is missing'))).toContain(
    'the key \\"folder\\" is missing',
  );
  expect(logged(new TypeError('no "thing"'))).toContain('no \\"thing\\"');
});
