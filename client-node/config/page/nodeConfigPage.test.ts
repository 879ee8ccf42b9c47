import { readFileSync } from 'node:fs';
import { jobNames } from '@hansa/shared/model';
import { expect, test } from 'vitest';
import { jobSource } from '../../jobs/sources.ts';
import { nodeConfigSchema } from '../nodeConfig.ts';
import { keysOf, nodeConfigPage } from './nodeConfigPage.ts';

test('every key says what it is for', () => {
  const rows = [
    ...keysOf(nodeConfigSchema),
    ...jobNames.flatMap((job) => keysOf(jobSource(job).config, `data ${job}`)),
  ];
  expect(rows.length).toBeGreaterThan(80);
  expect(rows.filter(({ meaning }) => meaning === undefined).map(({ path }) => path)).toEqual([]);
});

test('docs/node-config.md is what the schemas say: npm run node-config writes it', () => {
  const page = readFileSync(new URL('../../../docs/node-config.md', import.meta.url), 'utf8');
  expect(page).toBe(nodeConfigPage());
});
