import { createHash } from 'node:crypto';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createProcessGroup, type ProcessGroup } from './league/childProcess.ts';
import { type DemoOptions, parseOptions } from './options.ts';
import { demoResultSchema } from './result.ts';
import { runDemo } from './run.ts';
import { initialState } from './screen/initialState.ts';
import type { Ending } from './screen/render.ts';
import type { TrainingSettings } from './settings.ts';

const root = join(import.meta.dirname, '../..');

/** As few steps as show that everything hangs together; what they teach a model is nothing. */
const training: TrainingSettings = {
  localSteps: 40,
  fineTuneSteps: 1,
  batchSize: 8,
  warmupSteps: 1,
  learningRates: [0.001, 0.003],
  clipNorm: 10,
};

describe('a whole demo of real processes', () => {
  let folder: string;
  let options: DemoOptions;
  let processes: ProcessGroup;
  let ending: Ending;
  const told: string[] = [];
  const state = () => initialState(options, training, Date.now());

  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), 'hansa-demo-'));
    const argv = ['--merchants', '5', '--rounds', '3', '--engine', 'wasm', '--out', 'out', '--json', 'x/demo.json'];
    const parsed = parseOptions(argv, folder);
    if (parsed.kind !== 'run') throw new Error('not a run');
    options = parsed.options;
    processes = createProcessGroup(root);
    const screen = { update: () => undefined, tell: (line: string) => void told.push(line), finish: () => undefined };
    ending = await runDemo(options, undefined, argv, {
      state: state(),
      screen,
      processes,
      signal: new AbortController().signal,
      training,
    });
  });
  afterAll(async () => {
    await processes.stopAll();
    rmSync(folder, { recursive: true, force: true });
  });

  it('commits every round, loses a client on purpose, gets it back, and every sum is exact', () => {
    const result = demoResultSchema.parse(JSON.parse(readFileSync(join(folder, 'x/demo.json'), 'utf8')));
    expect(result.sumExact).toBe(true);
    const committed = result.rounds.filter(({ outcome }) => outcome === 'committed');
    expect(committed.map(({ round }) => round)).toEqual([1, 2, 3]);
    const victim = ending.killed?.id;
    expect(victim).toBe('merchant-4');
    expect(ending.killed?.cameBack).toBe(true);
    expect(committed[1]).toMatchObject({ dropped: [victim], selected: expect.arrayContaining([victim]) });
    expect(committed[1]!.reported).toHaveLength(4);
    expect(committed[2]!.reported).toContain(victim);
    for (const { seconds, phaseSeconds, bytesUp, bytesDown, loss } of committed) {
      expect(Object.values(phaseSeconds).reduce((a, b) => a + b, 0)).toBeCloseTo(seconds, 3);
      expect(bytesUp > 0 && bytesDown > 0 && loss !== null && loss > 0).toBe(true);
    }
    expect(told.join('\n')).toMatch(/Round 2: merchant-4 was killed .* \d of 5 shares rebuilt its masks/);
  });

  it('chooses the learning rate by pilots and compares four forecasts for every merchant', () => {
    const { merchants, engine, pilots, coordinatorPeakRssBytes } = demoResultSchema.parse(
      JSON.parse(readFileSync(join(options.out, 'demo.json'), 'utf8')),
    );
    expect(engine).toBe('wasm');
    expect(merchants.map(({ id }) => id)).toEqual([1, 2, 3, 4, 5].map((k) => `merchant-${k}`));
    for (const { rows, series, steps, wql } of merchants) {
      expect(rows > 0 && series > 0).toBe(true);
      expect(steps).toBe(3 * training.localSteps + training.fineTuneSteps);
      expect(Math.min(...Object.values(wql))).toBeGreaterThan(0);
    }
    expect(pilots.map(({ learningRate }) => learningRate)).toEqual(training.learningRates);
    const best = pilots.reduce((a, b) => (b.validationLoss < a.validationLoss ? b : a));
    expect(told.join('\n')).toContain(`Learning rate ${best.learningRate} chosen`);
    if (process.platform === 'linux') expect(coordinatorPeakRssBytes).toBeGreaterThan(20e6);
  });

  it('writes report, records and the model whose hash they name', () => {
    const report = readFileSync(join(options.out, 'report.html'), 'utf8');
    const model = createHash('sha256')
      .update(readFileSync(join(options.out, 'model.safetensors')))
      .digest('hex');
    expect(report).toContain(model);
    expect(report).toContain('merchant-4 was killed after it had handed out its key shares');
    expect(report).toContain('As it left: masked');
    const { rounds, pilots } = JSON.parse(readFileSync(join(options.out, 'rounds.json'), 'utf8'));
    expect(rounds.at(-1).modelHash).toBe(model);
    expect(pilots.map((pilot: { rounds: unknown[] }) => pilot.rounds.length)).toEqual([2, 2]);
  });

  it('keeps each merchant’s orders in its own folder', () => {
    const nodes = join(options.out, 'nodes');
    expect(readdirSync(nodes).sort()).toEqual([1, 2, 3, 4, 5].map((k) => `merchant-${k}`));
    for (const name of readdirSync(nodes)) expect(readdirSync(join(nodes, name))).toContain('orders.csv');
    // The coordinator's side holds no order: no item's name is in any of its files.
    const files = readdirSync(join(options.out, 'coordinator'), { recursive: true, withFileTypes: true });
    for (const file of files.filter((entry) => entry.isFile())) {
      expect(readFileSync(join(file.parentPath, file.name)).includes('merchant-1-item-')).toBe(false);
    }
  });
});
