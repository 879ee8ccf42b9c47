import { readFileSync } from 'node:fs';
import { metricNames } from '@hansa/coordinator/metrics';
import { expect, it } from 'vitest';
import { overview } from './overview.ts';
import { panelsOf, queriesOf } from './panels.ts';
import { processMetrics } from './promql.ts';

const dashboard = overview();

it('is the committed JSON (npm run dashboards writes it)', () => {
  const committed = readFileSync(new URL('./json/hansa-overview.json', import.meta.url), 'utf8');
  expect(committed).toBe(`${JSON.stringify(dashboard, null, 2)}\n`);
});

it('has a stable uid, panel ids of their own, and a title, a description and the datasource variable on every panel', () => {
  expect(dashboard.uid).toBe('hansa-overview');
  const panels = panelsOf(dashboard);
  expect(panels.map((panel) => panel.id)).toEqual([2, 3, 4, 5, 6, 8, 9, 10, 11, 12, 13, 15, 16, 17]);
  for (const panel of panels) {
    expect(panel.title).toMatch(/\S/);
    expect(panel.description, panel.title).toMatch(/\.$/);
    expect(panel.datasource, panel.title).toEqual({ type: 'prometheus', uid: '$datasource' });
    const queries = queriesOf(panel);
    expect(queries.length, panel.title).toBeGreaterThan(0);
    expect(new Set(queries.map((query) => query.refId)).size, panel.title).toBe(queries.length);
    for (const query of queries) expect(query.datasource, panel.title).toEqual(panel.datasource);
  }
});

it('leaves no gap and no overlap on the grid', () => {
  const cells = new Set<string>();
  for (const { gridPos } of dashboard.panels ?? []) {
    const { x, y, w, h } = gridPos!;
    expect(x + w).toBeLessThanOrEqual(24);
    for (let column = x; column < x + w; column++) {
      for (let line = y; line < y + h; line++) {
        expect(cells.has(`${column},${line}`)).toBe(false);
        cells.add(`${column},${line}`);
      }
    }
  }
  const lines = Math.max(...[...cells].map((cell) => Number(cell.split(',')[1]))) + 1;
  expect(cells.size).toBe(24 * lines);
});

it('asks only for metrics and labels that the coordinator exports', () => {
  const series = new Map<string, readonly string[]>(processMetrics.map((name) => [name, []]));
  for (const [name, { type, labels }] of Object.entries(metricNames)) {
    const names = type === 'histogram' ? [`${name}_sum`, `${name}_count`, `${name}_bucket`] : [name];
    for (const one of names) series.set(one, Object.keys(labels));
  }
  const unknown: string[] = [];
  for (const { expr } of panelsOf(dashboard).flatMap(queriesOf)) {
    const selectors = [...expr.matchAll(/([a-z_:][a-z0-9_:]*)\{([^}]*)\}/g)];
    expect(selectors.length, expr).toBeGreaterThan(0);
    for (const [, name = '', matchers = ''] of selectors) {
      const labels = [...matchers.matchAll(/([a-z_]+)=/g)].map(([, label]) => label!);
      const known = series.get(name);
      if (known === undefined) unknown.push(name);
      for (const label of labels)
        if (label !== 'instance' && !known?.includes(label)) unknown.push(`${name}{${label}}`);
    }
    // Every word that looks like a metric is in a selector, so the check above has seen it.
    const bare = expr.replace(/[a-z_:][a-z0-9_:]*\{[^}]*\}/g, '').match(/\b(hansa|http|process|nodejs)_\w+/g);
    expect(bare, expr).toBeNull();
  }
  expect(unknown).toEqual([]);
});
