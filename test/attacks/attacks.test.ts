import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { type Defence, defences, editsWithout } from './defences.ts';
import { rows } from './rows/index.ts';
import type { AttacksDocument } from './table.ts';

const bin = fileURLToPath(new URL('../bin/hansa-attacks.mjs', import.meta.url));
const attacks = (...args: string[]) => spawnSync(process.execPath, [bin, ...args], { encoding: 'utf8' });

describe('the attack table', () => {
  it('has all 24 rows in order, variants with names of their own, and breaks of variants that are there', () => {
    expect(rows.map(({ number }) => number)).toEqual(Array.from({ length: 24 }, (_, at) => at + 1));
    for (const row of rows) {
      const names = row.attacks.flatMap(({ expects }) => Object.keys(expects));
      expect(names.length).toBeGreaterThan(0);
      expect(new Set(names).size).toBe(names.length);
      for (const { variant } of row.breaks) expect(names).toContain(variant);
    }
  });

  it('takes away only what stands in the source exactly once, and every defence for some row', () => {
    for (const name of Object.keys(defences) as Defence[]) expect(() => editsWithout([name])).not.toThrow();
    const used = rows.flatMap(({ breaks }) => breaks.flatMap(({ without }) => Object.keys(without)));
    expect([...new Set(used)].sort()).toEqual(Object.keys(defences).sort());
  });

  it('runs: attacks are held off over a real socket, and get through without their defences', () => {
    const { status, stdout, stderr } = attacks('--only', '3');
    expect(status, stdout + stderr).toBe(0);
    const document = JSON.parse(stdout.trimEnd().split('\n').at(-1)!) as AttacksDocument;
    expect(document.attacks.map(({ leaked }) => leaked)).toEqual(document.attacks.map(() => 'no'));
    expect(document.removals.filter(({ together }) => together).map(({ came }) => came)).toEqual(['one update']);
    for (const line of stdout.split('\n').slice(0, -2)) expect(line.length).toBeLessThanOrEqual(120);
  });

  it('refuses rows that are not there', () => {
    expect(attacks('--only', '25').status).toBe(2);
    expect(attacks('--list').stdout).toContain('U3NotSubset');
  });
});
