import { type ChildProcess, execFileSync, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { type MetricDescription, metricNames } from '@hansa/coordinator/metrics';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { overview } from '../grafana/overview.ts';
import { panelsOf, queriesOf } from '../grafana/panels.ts';
import { processMetrics } from '../grafana/promql.ts';

const installed = (program: string): boolean => spawnSync(program, ['--version']).status === 0;
const complete = installed('prometheus') && installed('promtool');
if (!complete) {
  console.warn('SKIPPED: prometheus and promtool are not installed; no query of the dashboard is run for real.');
}

const configPath = fileURLToPath(new URL('./prometheus.yml', import.meta.url));

/** Every combination of a metric's label values; an open set gets one made-up value. */
function labelSets(labels: MetricDescription['labels']): string[] {
  return Object.entries(labels).reduce<string[]>(
    (rows, [label, values]) =>
      rows.flatMap((row) => (values.length === 0 ? ['any'] : values).map((value) => `${row}${label}="${value}",`)),
    [''],
  );
}

/** A page of every metric the coordinator exports; a scrape adds 2 to every counter. */
function inventedPage(scrape: number): string {
  const described: Record<string, MetricDescription> = metricNames;
  const page = Object.entries(described).flatMap(([name, { type, labels }]) => [
    `# TYPE ${name} ${type}`,
    ...labelSets(labels).flatMap((set) =>
      type === 'histogram'
        ? [
            `${name}_bucket{${set}le="+Inf"} ${2 * scrape}`,
            `${name}_sum{${set}} ${5 * scrape}`,
            `${name}_count{${set}} ${2 * scrape}`,
          ]
        : [`${name}{${set}} ${type === 'counter' ? 2 * scrape : 1}`],
    ),
  ]);
  return `${[...page, ...processMetrics.flatMap((name) => [`# TYPE ${name} gauge`, `${name} 1`])].join('\n')}\n`;
}

/** Serves the invented page on a free port; emits 'scrape' on the server with the number of scrapes so far. */
async function serveInventedPage(): Promise<Server> {
  let scrapes = 0;
  const server = createServer((_request, response) => {
    scrapes += 1;
    response.setHeader('content-type', 'text/plain; version=0.0.4; charset=utf-8').end(inventedPage(scrapes));
    server.emit('scrape', scrapes);
  });
  await once(server.listen(0, '127.0.0.1'), 'listening');
  return server;
}

const addressOf = (server: Server): string => `127.0.0.1:${(server.address() as AddressInfo).port}`;

/** Resolves with the first line of a stream that the pattern matches; the rest of the stream is read and dropped. */
function lineOf(stream: NodeJS.ReadableStream, pattern: RegExp): Promise<RegExpExecArray> {
  return new Promise((resolve, reject) => {
    const seen: string[] = [];
    createInterface(stream)
      .on('line', (line) => {
        const match = pattern.exec(line);
        if (match) resolve(match);
        else if (seen.length < 100) seen.push(line);
      })
      .on('close', () => reject(new Error(`It ended without ${pattern}:\n${seen.join('\n')}`)));
  });
}

interface Answer {
  readonly status: string;
  readonly error?: string;
  readonly data: {
    readonly result: readonly { readonly metric: Record<string, string>; readonly value: [number, string] }[];
  };
}

describe.skipIf(!complete)('with a real Prometheus', () => {
  let folder: string;
  const children: ChildProcess[] = [];
  let page: Server;
  let coordinator: string;
  let prometheus: string;

  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), 'hansa-prometheus-'));
    page = await serveInventedPage();
    const program = fileURLToPath(new URL('../../coordinator/bin/hansa-coordinator.mjs', import.meta.url));
    const serving = spawn(
      process.execPath,
      [program, 'serve', '--port', '0', '--data', join(folder, 'coordinator'), '--json'],
      { stdio: ['ignore', 'pipe', 'ignore'] },
    );
    children.push(serving);
    const [line] = await lineOf(serving.stdout, /^\{.*\}$/);
    coordinator = new URL((JSON.parse(line) as { address: string }).address).host;
    // The shipped configuration, with a shorter scrape interval and other targets.
    const config = readFileSync(configPath, 'utf8')
      .replace('scrape_interval: 5s', 'scrape_interval: 200ms')
      .replace('scrape_timeout: 4s', 'scrape_timeout: 200ms')
      .replace("['coordinator:8470']", `['${addressOf(page)}', '${coordinator}']`);
    writeFileSync(join(folder, 'prometheus.yml'), config);
    const server = spawn(
      'prometheus',
      [
        `--config.file=${join(folder, 'prometheus.yml')}`,
        `--storage.tsdb.path=${join(folder, 'data')}`,
        '--web.listen-address=127.0.0.1:0',
      ],
      { stdio: ['ignore', 'ignore', 'pipe'] },
    );
    children.push(server);
    const [, address] = await lineOf(server.stderr, /msg="Listening on" address=(\S+)/);
    prometheus = `http://${address}`;
    // A scrape is stored before the next one of its target begins.
    for (let scrapes = 0; scrapes < 6; [scrapes] = (await once(page, 'scrape')) as [number]);
    // Targets are scraped independently: the rates over the real one need two scrapes of it as well.
    for (let stored = 0; stored < 3; await once(page, 'scrape')) {
      const answer = await ask('count_over_time(up{instance="$coordinator"}[1m])', coordinator);
      stored = Number(answer.data.result[0]?.value[1] ?? 0);
    }
  });

  afterAll(async () => {
    await Promise.all(
      children.map(async (child) => {
        if (child.exitCode !== null || child.signalCode !== null) return;
        const ended = once(child, 'exit');
        child.kill('SIGTERM');
        await ended;
      }),
    );
    page.closeAllConnections();
    page.close();
    rmSync(folder, { recursive: true, force: true });
  });

  /** Runs a panel's query as Grafana would, its variables filled in. */
  async function ask(expr: string, coordinator: string): Promise<Answer> {
    const query = expr
      .replaceAll('$coordinator', coordinator)
      .replaceAll('$__rate_interval', '1s')
      .replaceAll('$__range', '1m');
    const response = await fetch(`${prometheus}/api/v1/query?${new URLSearchParams({ query })}`);
    return (await response.json()) as Answer;
  }

  it('answers every query of every panel with data', async () => {
    const empty: string[] = [];
    for (const panel of panelsOf(overview())) {
      for (const { expr, refId } of queriesOf(panel)) {
        const isEmpty = async () => {
          const answer = await ask(expr, addressOf(page));
          expect(answer.error, `${panel.title} ${refId}: ${expr}`).toBeUndefined();
          const values = answer.data.result.map((series) => Number(series.value[1]));
          return values.length === 0 || values.some(Number.isNaN);
        };
        // On a busy machine a scrape can end after its time, and what was scraped before then counts as gone until the next.
        let tries = 1;
        while ((await isEmpty()) && tries < 20) {
          await once(page, 'scrape');
          tries += 1;
        }
        if (tries === 20) empty.push(`${panel.title} ${refId}: ${expr}`);
      }
    }
    expect(empty).toEqual([]);
  });

  it('answers from a coordinator that has just started wherever its metrics exist from the start', async () => {
    // What has no value before something happened: a deadline, a loss, the time of a phase, a refusal; and any phase but `idle`.
    const later = ['Time left in this phase', 'Loss per round', 'Time by phase of a round', 'Refused, by reason'];
    const empty = new Set<string>();
    for (const panel of panelsOf(overview())) {
      for (const { expr } of queriesOf(panel)) {
        const answer = await ask(expr, coordinator);
        expect(answer.error, `${panel.title}: ${expr}`).toBeUndefined();
        if (answer.data.result.length === 0 && !expr.endsWith(' == 1')) empty.add(panel.title!);
      }
    }
    expect([...empty]).toEqual(later);
    const states = await ask('hansa_round_state{instance="$coordinator"} == 1', coordinator);
    expect(states.data.result.map((series) => series.metric.state)).toEqual(['idle']);
  });

  it("offers the coordinators that it scrapes as the dashboard's choice", async () => {
    const response = await fetch(
      `${prometheus}/api/v1/label/instance/values?${new URLSearchParams({ 'match[]': 'hansa_build_info{role="coordinator"}' })}`,
    );
    expect(await response.json()).toMatchObject({ status: 'success', data: [addressOf(page), coordinator].sort() });
  });

  it('refuses a query that is not PromQL, so that the test above can fail', async () => {
    expect((await ask('sum by (phase hansa_rounds_total', addressOf(page))).error).toContain('parse error');
  });

  it('accepts the configuration that is shipped', () => {
    expect(execFileSync('promtool', ['check', 'config', configPath], { encoding: 'utf8' })).toContain('SUCCESS');
  });
});
