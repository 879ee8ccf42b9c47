import { spawnSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { type Defence, defences, editsWithout } from './defences.ts';
import { rows } from './rows/index.ts';
import type { AttacksDocument } from './table.ts';

const root = new URL('../../', import.meta.url);
const bin = fileURLToPath(new URL('../bin/hansa-attacks.mjs', import.meta.url));
const attacks = (...args: string[]) => spawnSync(process.execPath, [bin, ...args], { encoding: 'utf8' });

describe('the attack table', () => {
  it('has all 24 rows in order, a different name for each variant, and breaks of existing variants only', () => {
    expect(rows.map(({ number }) => number)).toEqual(Array.from({ length: 24 }, (_, at) => at + 1));
    for (const { name } of rows) expect(name).toMatch(/^[a-z0-9]+(-[a-z0-9]+)*$/);
    expect(new Set(rows.map(({ name }) => name)).size).toBe(rows.length);
    for (const row of rows) {
      const names = row.attacks.flatMap(({ expects }) => Object.keys(expects));
      expect(names.length).toBeGreaterThan(0);
      expect(new Set(names).size).toBe(names.length);
      for (const { variant } of row.breaks) expect(names).toContain(variant);
    }
  });

  it('takes away only pieces that are in the source exactly once, and each defence for at least one row', () => {
    for (const name of Object.keys(defences) as Defence[]) expect(() => editsWithout([name])).not.toThrow();
    const used = rows.flatMap(({ breaks }) => breaks.flatMap(({ without }) => Object.keys(without)));
    expect([...new Set(used)].sort()).toEqual(Object.keys(defences).sort());
  });

  it('runs: attacks are held off over a real socket, and get through without their defences', () => {
    const { status, stdout, stderr } = attacks('--only', 'u3-outside-u2');
    expect(status, stdout + stderr).toBe(0);
    const document = JSON.parse(stdout.trimEnd().split('\n').at(-1)!) as AttacksDocument;
    expect(document.attacks.map(({ leaked }) => leaked)).toEqual(document.attacks.map(() => 'no'));
    expect(document.removals.filter(({ together }) => together).map(({ came }) => came)).toEqual(['one update']);
    for (const line of stdout.split('\n').slice(0, -2)) expect(line.length).toBeLessThanOrEqual(120);
  });

  it('refuses rows that do not exist', () => {
    expect(attacks('--only', '25').status).toBe(2);
    expect(attacks('--only', 'forged').stderr).toContain('"forged"');
  });

  it('lists rows by name and number', () => {
    const listed = attacks('--list', '--only', '3,forged-signatures').stdout;
    expect(listed.match(/^\d+ [^:]+/gm)).toEqual(['3 u3-outside-u2', '11 forged-signatures']);
    expect(listed).toContain('U3NotSubset');
  });

  it('has the rows that the threat model and the planted faults name', () => {
    const threats = readFileSync(new URL('aggregation/secagg/THREAT_MODEL.md', root), 'utf8');
    const listed = [...threats.matchAll(/^\| (\d+) `([\w-]+)` \|/gm)].map(([, number, name]) => `${number} ${name}`);
    expect(listed).toEqual(rows.map(({ number, name }) => `${number} ${name}`));
    const names = rows.map(({ name }) => name);
    const patches = new URL('test/faults/patches/', root);
    const named = readdirSync(patches).flatMap((file) => {
      const [first = ''] = readFileSync(new URL(file, patches), 'utf8').split('\n');
      return /\(attacks? ([^)]+)\)$/.exec(first)?.[1]?.split(/, | and /) ?? [];
    });
    expect(named.length).toBeGreaterThan(70);
    expect(named.filter((name) => !names.includes(name))).toEqual([]);
  });
});
