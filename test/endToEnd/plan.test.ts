import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { SeriesForecast } from '@hansa/client-node/forecasting';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Processes } from './processes.ts';
import { writeNode } from './processLeague.ts';

interface Row {
  item: string;
  order: number;
  wanted: number;
  reason: string;
  exceptions: string[];
  kept: boolean;
}

describe('hansa-client plan', () => {
  let folder: string;
  let processes: Processes;
  let items: string[];
  const file = (name: string) => join(folder, name);
  const ask = (...more: string[]) =>
    processes.run(
      'client',
      'plan',
      '--config',
      file('node.json'),
      '--model',
      file('start.safetensors'),
      '--json',
      ...more,
    );
  const rowsOf = (name: string) => (JSON.parse(readFileSync(file(name), 'utf8')) as { rows: Row[] }).rows;

  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), 'hansa-plan-'));
    processes = new Processes(folder);
    // Nothing listens there: a plan makes no connection.
    writeNode(folder, 'http://127.0.0.1:9', 1, { replenishment: { leadDays: 3, packSize: 4 } });
    await processes.answer('client', 'model', 'init', '--out', file('start.safetensors'));
    const [config, model, out] = [file('node.json'), file('start.safetensors'), file('f.json')];
    await processes.answer('client', 'forecast', '--config', config, '--model', model, '--out', out);
    const forecasts = JSON.parse(readFileSync(out, 'utf8')) as SeriesForecast[];
    items = forecasts.map(({ item }) => item);
    const lines = items.map((item, at) => `${item},${at % 2 === 0 ? 0 : 500},${2 + at}\n`);
    writeFileSync(file('stock.csv'), `item,onHand,unitCost\n${lines.join('')}unknown,5,1\n`);
  });
  afterAll(async () => {
    await processes.end();
    rmSync(folder, { recursive: true });
  });

  it('proposes orders of whole packs for what is missing, says why, and writes every format', async () => {
    const made = await ask('--stock', file('stock.csv'), '--out', file('p.csv'), file('p.json'), file('p.html'));
    expect(made.status, made.stderr).toBe(0);
    const summary = JSON.parse(made.stdout) as { series: number; orders: number; exceptions: Record<string, number> };
    expect(summary).toMatchObject({ series: items.length + 1, exceptions: { noForecast: 1 } });
    const rows = rowsOf('p.json');
    for (const { item, order, reason } of rows) {
      expect(order % 4).toBe(0);
      expect(reason.length).toBeGreaterThan(20);
      if (items.indexOf(item) % 2 === 1) expect(order).toBe(0);
    }
    expect(rows.filter(({ order }) => order > 0)).toHaveLength(summary.orders);
    expect(summary.orders).toBeGreaterThan(0);
    expect(readFileSync(file('p.csv'), 'utf8').trimEnd().split('\r\n')).toHaveLength(2 + items.length);
    expect(readFileSync(file('p.html'), 'utf8')).toContain('<h1>Order plan</h1>');
  });

  it('stays within a budget, orders less for less service, keeps the plan before, and speaks Chinese', async () => {
    const stock = ['--stock', file('stock.csv')];
    const budget = await ask(...stock, '--budget', '20', '--out', file('b.json'), '--language', 'zh');
    expect(budget.status, budget.stderr).toBe(0);
    expect((JSON.parse(budget.stdout) as { orderCost: number }).orderCost).toBeLessThanOrEqual(20);
    expect(rowsOf('b.json').some(({ exceptions }) => exceptions.includes('cut'))).toBe(true);
    expect(rowsOf('b.json')[0]!.reason).toMatch(/[一-鿿]/);
    const less = await ask(...stock, '--service-level', '0.5', '--out', file('l.json'));
    expect(less.status, less.stderr).toBe(0);
    const units = (name: string) => rowsOf(name).reduce((sum, { wanted }) => sum + wanted, 0);
    expect(units('l.json')).toBeLessThan(units('b.json'));
    const again = await ask(...stock, '--previous', file('b.json'), '--out', file('a.csv'));
    expect(again.status, again.stderr).toBe(0);
  });

  it('refuses what cannot be, before it writes anything', async () => {
    const out = ['--out', file('x.csv')];
    writeFileSync(file('words.csv'), 'item,onHand\ntea,many\n');
    for (const [wrong, code] of [
      [['--stock', file('none.csv'), ...out], 'InvalidArgument'],
      [['--stock', folder, ...out], 'InvalidArgument'],
      [['--stock', file('stock.csv'), '--out', file('x.parquet')], 'InvalidArgument'],
      [['--stock', file('stock.csv'), '--out', file('stock.csv')], 'InvalidArgument'],
      [['--stock', file('stock.csv'), '--out', file('stock.csv'), '--overwrite'], 'InvalidArgument'],
      [['--stock', file('stock.csv'), '--service-level', '95', ...out], 'InvalidArgument'],
      [['--stock', file('stock.csv'), '--budget', '5', '--capacity', '5', ...out], 'InvalidArgument'],
      [['--stock', file('stock.csv'), '--previous', file('f.json'), ...out], 'InvalidArgument'],
      [['--stock', file('words.csv'), ...out], 'InvalidData'],
      // These order files tell no stock.
      [out, 'InvalidData'],
    ] as const) {
      const result = await ask(...wrong);
      expect([result.status, (JSON.parse(result.stdout) as { code: string }).code], wrong.join(' ')).toEqual([2, code]);
    }
    expect(existsSync(file('x.csv'))).toBe(false);
    expect(existsSync(file('x.parquet'))).toBe(false);
  });
});
