import { writeFileSync } from 'node:fs';
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createLogger } from '@hansa/shared/log';
import { architectureOf, initialAdapter, manifestFor, trainingModeSchema } from '@hansa/shared/model';
import { elementCount } from '@hansa/shared/numeric';
import { type LocalTraining, localTrainingSchema } from '@hansa/shared/protocol';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { activate } from '../engines/engine.ts';
import { answersOf } from '../gradient/gradient.ts';
import { simpleForecasts } from '../jobs/demand/baselines/index.ts';
import { demandEvaluation } from '../jobs/demand/evaluation.ts';
import type { ForecastExample } from '../jobs/demand/forecastExample.ts';
import { dataConfigSchema, loadMerchantData } from '../jobs/demand/index.ts';
import type { Batch } from '../jobs/examples.ts';
import { initialWeights, writeModelFile } from '../model/index.ts';
import type { CompareRequest, RequestProgress, TrainRequest } from './requests.ts';
import { startTrainer, type Trainer, type TrainerOptions } from './trainer.ts';

const DAY_MS = 86_400_000;
const FIRST_DAY = Date.UTC(2024, 0, 1);

let folder: string;
let trainer: Trainer;
let options: TrainerOptions;
const architecture = architectureOf('nano');
const start = initialWeights(architecture, 1);
const config = dataConfigSchema.parse({
  sources: [{ file: 'orders.csv', columns: { date: 'date', item: 'item', quantity: 'quantity' } }],
  frequency: 'day',
  returns: 'none',
  validFrom: '2024-08-15',
  testFrom: '2024-09-15',
});

/** 320 days of three items with a weekly pattern each, and between them in the alphabet one that never sold. */
function orders(): string {
  const lines = ['date,item,quantity'];
  for (let day = 0; day < 320; day++) {
    const date = new Date(FIRST_DAY + day * DAY_MS).toISOString().slice(0, 10);
    lines.push(`${date},item-0-never,0`);
    for (let item = 0; item < 3; item++)
      lines.push(`${date},item-${item},${(day + item) % 7 === 0 ? 12 : 2 + (day % 3)}`);
  }
  return `${lines.join('\n')}\n`;
}

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'hansa-'));
  await writeFile(join(folder, 'orders.csv'), orders());
  await writeModelFile(join(folder, 'model.safetensors'), architecture, start);
  options = {
    engine: 'wasm',
    data: [config],
    baseFolder: folder,
    scratchFolder: folder,
    log: createLogger('test', 'silent'),
  };
  trainer = await startTrainer(options);
});

afterAll(async () => {
  await trainer?.close();
  await rm(folder, { recursive: true, force: true });
});

/** A training request, with changes to it and to its settings. */
const request = (change: Partial<TrainRequest> = {}, training: Partial<LocalTraining> = {}): TrainRequest => ({
  modelFile: join(folder, 'model.safetensors'),
  job: 'demand',
  round: 1,
  rounds: 1,
  updateFile: join(folder, 'update.bin'),
  training: {
    ...localTrainingSchema.parse({ steps: 3, batchSize: 4, learningRate: 1e-3, warmupSteps: 1 }),
    ...training,
  },
  seed: 7,
  ...change,
});

const comparison = (): CompareRequest => ({
  initialModelFile: join(folder, 'model.safetensors'),
  federatedModelFile: join(folder, 'model.safetensors'),
  job: 'demand',
  rounds: 2,
  plannedRounds: 2,
  training: localTrainingSchema.parse({ steps: 2, batchSize: 4, learningRate: 1e-3, warmupSteps: 1 }),
  fineTuneSteps: 3,
  learningRates: [1e-3, 3e-3],
  seed: 7,
});

async function updateOf(path: string): Promise<Float32Array> {
  const bytes = await readFile(path);
  return new Float32Array(bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.length));
}

describe('a trainer', () => {
  it('tells its engine and what it loaded', () => {
    expect(trainer.engine).toMatchObject({ name: 'wasm', reason: 'asked for in the configuration' });
    expect(trainer.data).toMatchObject([
      { job: 'demand', rows: 1280, report: { facts: { frequency: 'day', series: 3 } } },
    ]);
    expect(trainer.data[0]!.trainExamples).toBeGreaterThan(100);
  });

  it('trains, writes the update in the manifest’s order and repeats itself exactly', async () => {
    const seen: RequestProgress[] = [];
    const result = await trainer.train(request(), (progress) => seen.push(progress));
    expect(seen.map(({ step, steps }) => [step, steps])).toEqual([
      [1, 3],
      [2, 3],
      [3, 3],
    ]);
    expect(result).toMatchObject({ steps: 3, examples: trainer.data[0]!.trainExamples });
    expect(result.trainLoss).toBeGreaterThan(0);
    expect(result.validationLoss).toBeGreaterThan(0);
    const update = await updateOf(join(folder, 'update.bin'));
    expect(update.length).toBe(start.length);
    expect(update.some((value) => value !== 0)).toBe(true);
    expect(update.every(Number.isFinite)).toBe(true);
    await trainer.train(request({ updateFile: join(folder, 'again.bin') }));
    expect(await updateOf(join(folder, 'again.bin'))).toEqual(update);
    expect((await readdir(folder)).filter((name) => name.endsWith('.tmp'))).toEqual([]);
  });

  it('compares simple forecasts and models, and selects by validation', async () => {
    const seen: RequestProgress[] = [];
    const result = await trainer.compare(comparison(), (progress) => seen.push(progress));
    expect(seen.at(-1)).toMatchObject({ step: 20, steps: 20, doing: expect.stringContaining('local-only') });
    expect(result.methods.map(({ name, steps }) => [name, steps])).toEqual([
      ...simpleForecasts.map(({ name }) => [name, 0]),
      ['untrained', 0],
      ['localOnly', 7],
      ['federated', 4],
      ['fineTuned', 7],
      ['blended', 7],
      ['selected', expect.any(Number)],
    ]);
    const { selected, validationLosses } = result;
    // The usual choice, unless the best one is better beyond chance.
    if (selected !== 'blended') {
      expect(validationLosses[selected]).toBe(Math.min(...Object.values(validationLosses)));
      expect(validationLosses[selected]).toBeLessThan(validationLosses.blended);
    }
    const [wql, wape] = result.metrics.map(({ values }) => values);
    expect(result.metrics.map(({ name }) => name)).toEqual(['wql', 'wape', 'mase', 'bias', 'coverage']);
    for (const { name } of result.methods) {
      expect(wql![name]).toBeGreaterThan(0);
      expect(wape![name]).toBeGreaterThan(0);
      expect(wql![name]).toBeLessThanOrEqual(name === 'zero' ? 1.0000001 : Number.POSITIVE_INFINITY);
      const [low, high] = result.intervals[name]!;
      expect(low).toBeLessThanOrEqual(wql![name]!);
      expect(high).toBeGreaterThanOrEqual(wql![name]!);
    }
    const against = result.comparisons.find((entry) => entry.method === 'fineTuned' && entry.against === 'localOnly');
    expect(against?.change).toBeCloseTo(wql!.fineTuned! / wql!.localOnly! - 1, 9);
    expect(comparison().learningRates).toContain(result.learningRates.localOnly);
    const picture = result.picture as ForecastExample;
    expect(picture.quantiles.map((level) => level.length)).toEqual(new Array(9).fill(28));
    expect(picture.history.length).toBe(91);
    // The same score, made in this process.
    await activate('wasm');
    const data = await loadMerchantData(config, folder);
    const shape = { architecture, job: 'demand', manifest: manifestFor(architecture) } as const;
    const answer = (batch: Batch) => answersOf(shape, start, batch);
    const score = await demandEvaluation.score(data, 'test', answer, { examplesAtOnce: 64 });
    expect(wql!.federated).toBeCloseTo(score.values.wql!, 6);
    expect(result.examples).toBe(data.test.count);
  });

  it('tells what is wrong with a model file and goes on', async () => {
    await expect(trainer.train(request({ modelFile: join(folder, 'none') }))).rejects.toMatchObject({
      code: 'NotFound',
    });
    await expect(trainer.train(request({ modelFile: join(folder, 'orders.csv') }))).rejects.toMatchObject({
      code: 'InvalidModelFile',
      message: expect.stringContaining('orders.csv'),
    });
  });

  it('stops one job when told to, and does the next', async () => {
    const abort = new AbortController();
    const updateFile = join(folder, 'stopped.bin');
    const stopped = trainer.train(
      request({ updateFile }, { steps: 10_000 }),
      ({ step }) => step === 2 && abort.abort(),
      abort.signal,
    );
    await expect(stopped).rejects.toMatchObject({ code: 'Interrupted' });
    expect(await readdir(folder)).not.toContain('stopped.bin');
    await expect(trainer.train(request(), undefined, abort.signal)).rejects.toMatchObject({ code: 'Interrupted' });
    expect(await trainer.train(request())).toMatchObject({ steps: 3 });
  });
});

describe('a place that cannot be written to', () => {
  const nowhere = () => join(folder, 'nowhere', 'file');

  it('does not stop training where its state is kept, and is warned of once', async () => {
    const lines: string[] = [];
    const log = createLogger('test', 'warn', { write: (line) => lines.push(line) });
    const own = await startTrainer({ ...options, log });
    try {
      const steps: number[] = [];
      const checkpoint = { file: nowhere(), everyMs: 0 };
      await own.train(request({ checkpoint }, { steps: 4 }), ({ step }) => steps.push(step));
      expect(steps).toEqual([1, 2, 3, 4]);
      expect(lines.map((line) => JSON.parse(line))).toMatchObject([
        {
          msg: 'training is not kept on disk: after a crash it would start over',
          reason: expect.stringContaining(nowhere()),
        },
      ]);
    } finally {
      await own.close();
    }
  });

  it('is named where the update should lie', async () => {
    await expect(trainer.train(request({ updateFile: nowhere() }))).rejects.toMatchObject({
      code: 'DataFolderUnusable',
      message: expect.stringContaining(`Cannot write ${nowhere()} (ENOENT)`),
    });
  });
});

describe('startTrainer', () => {
  it('passes on what is wrong with the data', async () => {
    const data = dataConfigSchema.parse({
      ...config,
      sources: [{ ...config.sources[0], file: 'none.csv' }],
    });
    await expect(startTrainer({ ...options, data: [data] })).rejects.toMatchObject({
      code: 'InvalidData',
      message: expect.stringContaining('none.csv'),
    });
  });

  it('ends at once when aborted, with everything it was doing', async () => {
    const abort = new AbortController();
    const other = await startTrainer({ ...options, signal: abort.signal });
    const training = other.train(request({}, { steps: 10_000 }), ({ step }) => step === 1 && abort.abort());
    await expect(training).rejects.toMatchObject({ code: 'Interrupted' });
    await expect(other.train(request())).rejects.toMatchObject({ code: 'Interrupted' });
    await other.close();
    await expect(startTrainer({ ...options, signal: abort.signal })).rejects.toMatchObject({ code: 'Interrupted' });
  });
});

/** A task of the tiny model, whole or in a mode that passes an adapter around. */
async function tinyTask(mode: object | undefined): Promise<Pick<TrainRequest, 'modelFile' | 'adapter'>> {
  const architecture = architectureOf('tiny');
  const weights = initialWeights(architecture, 1);
  const baseModelFile = join(folder, 'tiny.safetensors');
  const { sha256 } = await writeModelFile(baseModelFile, architecture, weights);
  const parsed = trainingModeSchema.parse(mode ?? { kind: 'full' });
  if (parsed.kind === 'full') return { modelFile: baseModelFile };
  const seed = 3;
  const bytes = await initialAdapter(
    { architecture, sha256 },
    { mode: parsed, job: 'demand' },
    seed,
    async ({ offset, shape }) => weights.subarray(offset, offset + elementCount(shape)),
  );
  const modelFile = join(folder, `${parsed.kind}.safetensors`);
  await writeFile(modelFile, bytes);
  return { modelFile, adapter: { baseModelFile, mode: parsed, seed } };
}

describe('memory', () => {
  it('puts fewer windows through the engine at once where the ceiling is low, and comes to the same update but for rounding', async () => {
    const wide = await trainer.train(request({ updateFile: join(folder, 'wide.bin') }, { batchSize: 48, steps: 1 }));
    expect(wide.examplesAtOnce).toBe(64);
    const tooLittle = await trainer.train(request({ maxMemoryBytes: 70e6 })).catch((error: Error) => error.message);
    // Room for a few windows more than one.
    const maxMemoryBytes = 1e6 * (Number(/about (\d+) MB for one example/.exec(String(tooLittle))![1]) + 4);
    const narrow = await trainer.train(
      request({ updateFile: join(folder, 'narrow.bin'), maxMemoryBytes }, { batchSize: 48, steps: 1 }),
    );
    expect(narrow.examplesAtOnce).toBeLessThan(48);
    expect(narrow.trainLoss).toBeCloseTo(wide.trainLoss, 5);
    const [one, other] = [await updateOf(join(folder, 'wide.bin')), await updateOf(join(folder, 'narrow.bin'))];
    const far = one.filter((value, index) => Math.abs(value - other[index]!) > 1e-6).length;
    expect(far).toBeLessThan(one.length / 100);
  });

  it.each([
    ['full', undefined],
    ['headOnly', { kind: 'headOnly' }],
    ['lora', { kind: 'lora', targets: ['query', 'value', 'intermediate'] }],
    ['roLora', { kind: 'roLora' }],
  ])('stays below the ceiling in every round of %s', async (_, mode) => {
    const own = await startTrainer(options);
    try {
      const files = await tinyTask(mode);
      const job = (change: Partial<TrainRequest>) => request({ ...files, ...change }, { batchSize: 128, steps: 2 });
      const tooLittle = await own.train(job({ maxMemoryBytes: 70e6 })).catch((error: Error) => error.message);
      const maxMemoryBytes = 1e6 * (Number(/about (\d+) MB for one example/.exec(String(tooLittle))![1]) + 15);
      const chosen = new Set<number>();
      for (let round = 1; round <= 6; round++) {
        const { examplesAtOnce, peakMemoryBytes } = await own.train(job({ round, maxMemoryBytes }));
        expect(peakMemoryBytes).toBeLessThan(maxMemoryBytes);
        chosen.add(examplesAtOnce);
      }
      const [examplesAtOnce, ...others] = chosen;
      expect(others).toEqual([]);
      expect(examplesAtOnce).toBeGreaterThan(1);
      expect(examplesAtOnce).toBeLessThan(64);
    } finally {
      await own.close();
    }
  });

  it('counts what a comparison holds beside what it trains', async () => {
    const own = await startTrainer(options);
    try {
      const { modelFile } = await tinyTask(undefined);
      const neededMb = async (refused: Promise<unknown>) => {
        const message = await refused.then(String, (error: Error) => error.message);
        return Number(/about (\d+) MB for one example/.exec(message)![1]);
      };
      const compared = await neededMb(
        own.compare({
          ...comparison(),
          initialModelFile: modelFile,
          federatedModelFile: modelFile,
          maxMemoryBytes: 70e6,
        }),
      );
      const trained = await neededMb(own.train(request({ modelFile, maxMemoryBytes: 70e6 })));
      // Four vectors of 1.9 MB.
      expect(compared - trained).toBeGreaterThanOrEqual(7);
    } finally {
      await own.close();
    }
  });

  it('says how much a window takes where not even one fits', async () => {
    await expect(trainer.train(request({ maxMemoryBytes: 70e6 }))).rejects.toMatchObject({
      code: 'TrainingFailed',
      message: expect.stringMatching(/needs about \d+ MB for one example .* allows 70 MB/),
    });
  });
});

// Finds the process in /proc.
describe.runIf(process.platform === 'linux')('a training process that is killed', () => {
  const killable = async (change: Partial<TrainerOptions> = {}) => {
    const seen = await childrenOf(process.pid);
    const own = await startTrainer({ ...options, ...change });
    const kill = async () => {
      for (const pid of await childrenOf(process.pid)) if (!seen.includes(pid)) process.kill(pid, 'SIGKILL');
    };
    return { own, kill };
  };
  const job = (name: string) =>
    request(
      {
        updateFile: join(folder, `${name}.bin`),
        checkpoint: { file: join(folder, `${name}.checkpoint`), everyMs: 0 },
      },
      { steps: 12, earlyStop: { everySteps: 3, patience: 4 }, proximalMu: 0.01 },
    );

  it('is replaced, and its update is that of an undisturbed run', async () => {
    const undisturbed = await trainer.train(job('undisturbed'));
    const reasons: string[] = [];
    const { own, kill } = await killable({ onRestart: (reason) => reasons.push(reason) });
    try {
      const steps: number[] = [];
      const resumed: number[] = [];
      const result = await own.train(job('killed'), (progress) => {
        if (progress.resumed) resumed.push(progress.step);
        else steps.push(progress.step);
        if (progress.step === 5 && reasons.length === 0) void kill();
      });
      expect(reasons).toEqual([expect.stringContaining('SIGKILL')]);
      expect(resumed[0]).toBeGreaterThanOrEqual(4);
      expect(steps.at(-1)).toBe(12);
      expect(result).toMatchObject({ trainLoss: undisturbed.trainLoss, steps: undisturbed.steps });
      expect(await updateOf(join(folder, 'killed.bin'))).toEqual(await updateOf(join(folder, 'undisturbed.bin')));
      expect((await readdir(folder)).filter((name) => name.endsWith('.checkpoint'))).toEqual([]);
      // And the next job finds it in order.
      expect(await own.train(request())).toMatchObject({ steps: 3 });
    } finally {
      await own.close();
    }
  });

  it('has the control variate of the best check too, which lies before the end', async () => {
    const next = (name: string) => join(folder, `${name}.control`);
    // So high a learning rate soon makes things worse for a while.
    const wild = (name: string) =>
      request(
        {
          updateFile: join(folder, `${name}.bin`),
          checkpoint: { file: join(folder, `${name}.checkpoint`), everyMs: 0 },
          control: { taskId: 'a task', member: 3, common: undefined, own: undefined, next: next(name), clipNorm: 10 },
        },
        { steps: 100, learningRate: 0.3, earlyStop: { everySteps: 1, patience: 6 } },
      );
    const undisturbed = await trainer.train(wild('undisturbed'));
    const best = undisturbed.stepsInUpdate;
    expect(best).toBe(undisturbed.steps - 6);
    const { own, kill } = await killable();
    try {
      let isKilled = false;
      const resumed: number[] = [];
      const result = await own.train(wild('killed'), (progress) => {
        if (progress.resumed) resumed.push(progress.step);
        if (progress.step !== best + 2 || isKilled) return;
        isKilled = true;
        void kill();
      });
      expect(resumed[0]).toBeGreaterThan(best);
      expect(result.stepsInUpdate).toBe(best);
      for (const name of ['killed', 'undisturbed'])
        expect((await updateOf(join(folder, `${name}.bin`))).length).toBe(2 * start.length);
      expect(await updateOf(join(folder, 'killed.bin'))).toEqual(await updateOf(join(folder, 'undisturbed.bin')));
      expect(await readFile(next('killed'))).toEqual(await readFile(next('undisturbed')));
    } finally {
      await own.close();
    }
  });

  it('starts over where the data has changed meanwhile, and tells of the data that it has now', async () => {
    const baseFolder = await mkdtemp(join(folder, 'changing-'));
    await writeFile(join(baseFolder, 'orders.csv'), orders());
    const { own, kill } = await killable({ baseFolder });
    try {
      expect(own.data[0]!.rows).toBe(1280);
      const { held } = own;
      let isResumed = false;
      const steps: number[] = [];
      const trained = own.train(job('changed'), (progress) => {
        isResumed ||= progress.resumed === true;
        steps.push(progress.step);
        if (progress.step !== 5 || steps.length > 5) return;
        writeFileSync(join(baseFolder, 'orders.csv'), `${orders()}2024-03-01,item-1,40\n`);
        void kill();
      });
      await trained;
      expect(isResumed).toBe(false);
      expect(steps.slice(5)).toContain(1);
      expect(steps.at(-1)).toBe(12);
      expect(own.data[0]!.rows).toBe(1281);
      // What it holds is estimated again too.
      expect(own.held.digest).not.toBe(held.digest);
      expect(own.held.bytes).not.toBe(held.bytes);
    } finally {
      await own.close();
    }
  });

  it('is replaced by one that puts as many windows through the engine at once, without a checkpoint too', async () => {
    const { own, kill } = await killable();
    try {
      const tooLittle = await own.train(request({ maxMemoryBytes: 70e6 })).catch((error: Error) => error.message);
      const maxMemoryBytes = 1e6 * (Number(/about (\d+) MB for one example/.exec(String(tooLittle))![1]) + 4);
      const narrow = (name: string) =>
        request({ maxMemoryBytes, updateFile: join(folder, `${name}.bin`) }, { batchSize: 48, steps: 12 });
      const undisturbed = await own.train(narrow('undisturbed'));
      let isKilled = false;
      const result = await own.train(narrow('killed'), ({ step }) => {
        if (step === 1 && !isKilled) {
          isKilled = true;
          void kill();
        }
      });
      expect(undisturbed.examplesAtOnce).toBeLessThan(48);
      expect(result.examplesAtOnce).toBe(undisturbed.examplesAtOnce);
      expect(await updateOf(join(folder, 'killed.bin'))).toEqual(await updateOf(join(folder, 'undisturbed.bin')));
    } finally {
      await own.close();
    }
  });

  it('starts over where its checkpoint is damaged or of another job', async () => {
    await trainer.train(job('undisturbed'));
    for (const [name, bytes] of [
      ['damaged', Buffer.from('no checkpoint')],
      ['other', await readFile(join(folder, 'model.safetensors'))],
    ] as const) {
      await writeFile(join(folder, `${name}.checkpoint`), bytes);
      const steps: number[] = [];
      await trainer.train(job(name), ({ step }) => steps.push(step));
      expect(steps[0]).toBe(1);
      expect(await updateOf(join(folder, `${name}.bin`))).toEqual(await updateOf(join(folder, 'undisturbed.bin')));
    }
  });

  it('fails its job where it goes again and again, and says so', async () => {
    const { own, kill } = await killable();
    try {
      const training = own.train(request({}, { steps: 10_000 }), ({ step }) => void (step === 1 && kill()));
      await expect(training).rejects.toMatchObject({
        code: 'TrainingFailed',
        message: expect.stringMatching(/gone 3 times .*SIGKILL.*training\.engine/),
      });
    } finally {
      await own.close();
    }
  });
});

/** Process ids of a process's children, from /proc. */
async function childrenOf(parent: number): Promise<number[]> {
  const stats = await Promise.all(
    (await readdir('/proc'))
      .filter((name) => /^\d+$/.test(name))
      .map((pid) => readFile(`/proc/${pid}/stat`, 'utf8').catch(() => '')),
  );
  return stats
    .map((stat) => /^(\d+) \(.*\) \S (\d+)/s.exec(stat))
    .filter((match) => match !== null && Number(match[2]) === parent)
    .map((match) => Number(match![1]));
}
