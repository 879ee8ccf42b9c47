import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DuckDBInstance } from '@duckdb/node-api';
import { dataConfigSchema } from '@hansa/client-node/jobs/demand';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { readMapping, shippedMappings } from './mapping.ts';
import { writeSilos } from './silos.ts';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'hansa-silos-'));
});
afterEach(() => rmSync(folder, { recursive: true }));

const mapping = {
  sources: [
    {
      file: 'old.csv',
      columns: { date: 'day', item: 'sku', quantity: 'n', merchant: 'shop', price: 'cost' },
      before: '2024-02-01',
    },
    {
      file: 'new.csv',
      columns: { date: 'date', item: 'item', quantity: 'units', merchant: 'who' },
      from: '2024-02-01',
    },
  ],
  frequency: 'day',
  returns: 'negative',
  validFrom: '2024-03-01',
  testFrom: '2024-04-01',
};

function write(name: string, content: unknown): string {
  const path = join(folder, name);
  writeFileSync(path, typeof content === 'string' ? content : JSON.stringify(content));
  return path;
}

function writeLines(): void {
  write('hansa-mapping.json', mapping);
  const line = (date: string, shop: string, k: number) => `${date},item-${k},${k},${shop}`;
  const old = ['2024-01-05', '2024-01-06', '2024-02-02'];
  write('old.csv', `day,sku,n,shop,cost\n${old.map((day, k) => `${line(day, 'B "quoted"', k)},9.5`).join('\n')}\n`);
  const rows = [
    ...['a', 'c'].flatMap((shop) => ['2024-02-03', '2024-02-04', '2024-04-05'].map((day, k) => line(day, shop, k))),
    line('2024-02-05', 'd', 1),
    line('2024-03-05', 'late', 1),
    line('2024-01-05', 'a', 7),
  ];
  write('new.csv', `date,item,units,who\n${rows.join('\n')}\n`);
}

async function count(path: string): Promise<unknown[]> {
  const instance = await DuckDBInstance.create(':memory:');
  const connection = await instance.connect();
  const reader = await connection.runAndReadAll(`SELECT * FROM read_parquet('${path}') ORDER BY date`);
  const rows = reader.getRowObjects();
  connection.closeSync();
  instance.closeSync();
  return rows;
}

describe('silos', () => {
  it('takes the largest by training rows, ties by name, each into its own folder', async () => {
    writeLines();
    const out = join(folder, 'out');
    const written = await writeSilos(readMapping(folder, undefined), folder, 3, ({ name }, i) =>
      join(out, `${i}-${name.slice(0, 1)}`),
    );
    expect(written.map(({ silo }) => silo)).toEqual([
      { name: 'B "quoted"', trainingRows: 2, rows: 2 },
      { name: 'a', trainingRows: 2, rows: 3 },
      { name: 'c', trainingRows: 2, rows: 3 },
    ]);
    expect(readdirSync(out)).toEqual(['0-B', '1-a', '2-c']);
    expect(await count(join(out, '0-B/orders.parquet'))).toEqual([
      { date: '2024-01-05', item: 'item-0', quantity: '0', price: '9.5' },
      { date: '2024-01-06', item: 'item-1', quantity: '1', price: '9.5' },
    ]);
    for (const { data } of written) expect(dataConfigSchema.safeParse(data).success).toBe(true);
  });

  it('says how many there are when more are asked for', async () => {
    writeLines();
    await expect(writeSilos(readMapping(folder, undefined), folder, 9, () => folder)).rejects.toMatchObject({
      code: 'InvalidArgument',
      message: expect.stringContaining('holds 4 merchants'),
    });
  });

  it('names the file or the column that is not there', async () => {
    writeLines();
    rmSync(join(folder, 'old.csv'));
    const missing = writeSilos(readMapping(folder, undefined), folder, 2, () => folder);
    await expect(missing).rejects.toMatchObject({ code: 'InvalidData', message: expect.stringContaining('old.csv') });
    write('old.csv', 'day,sku,n,shop\n2024-01-01,a,1,x\n');
    await expect(writeSilos(readMapping(folder, undefined), folder, 2, () => folder)).rejects.toMatchObject({
      code: 'InvalidData',
      message: expect.stringContaining('cost'),
    });
  });
});

describe('mappings', () => {
  it('prefers the file asked for, then the folder’s own, then the shipped one', () => {
    const { sources } = mapping;
    const asked = write('asked.json', { ...mapping, title: 'asked' });
    write('hansa-mapping.json', { ...mapping, title: 'own' });
    expect(readMapping(folder, asked).title).toBe('asked');
    expect(readMapping(folder, undefined).title).toBe('own');
    expect(sources).toHaveLength(2);
    const shipped = join(folder, 'iowa_liquor');
    mkdirSync(shipped);
    expect(readMapping(shipped, undefined).frequency).toBe('week');
  });

  it('lists those shipped when there is none, and reads each of them', () => {
    expect(() => readMapping(folder, undefined)).toThrow(/iowa_liquor, online_retail/);
    for (const name of shippedMappings()) {
      mkdirSync(join(folder, name));
      expect(readMapping(join(folder, name), undefined).sources.length).toBeGreaterThan(0);
    }
  });

  it('refuses a mapping that cannot tell merchants apart, or picks one', () => {
    const [first] = mapping.sources;
    const { merchant: _, ...columns } = first!.columns;
    const without = write('a.json', { ...mapping, sources: [{ ...first, columns }] });
    expect(() => readMapping(folder, without)).toThrow(/merchant column/);
    const picked = write('b.json', { ...mapping, merchant: 'a' });
    expect(() => readMapping(folder, picked)).toThrow(/must be left out/);
    expect(() => readMapping(join(folder, 'nowhere'), undefined)).toThrow(/does not exist/);
  });
});
