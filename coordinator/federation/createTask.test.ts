import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { assertEncodingFits } from '@hansa/aggregation/secagg/encoding';
import { withScales } from '@hansa/aggregation/secagg/testing';
import { architectureOf, manifestFor, modelMetadata } from '@hansa/shared/model';
import { encodeFile, layOut, parameterCount } from '@hansa/shared/numeric';
import { configHash } from '@hansa/shared/protocol/secagg';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { FileBlobStore } from '../storage/fileBlobStore.ts';
import { testModel, testTask } from '../testing/toyLeague.ts';
import { newTask, readModelHeader, secAggConfigOf } from './createTask.ts';

let folder: string;
let blobs: FileBlobStore;
beforeEach(async () => {
  folder = mkdtempSync(path.join(tmpdir(), 'hansa-task-'));
  blobs = await FileBlobStore.open(folder);
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

async function* once(bytes: Uint8Array) {
  yield bytes;
}
const store = async (bytes: Uint8Array) => (await blobs.put(once(bytes))).sha256;
const model = testModel;

describe('newTask', () => {
  it.each([0, Number.MIN_VALUE, 1e-30, 1e9])('cannot be given a clip norm of %d, which no scale fits', (clipNorm) => {
    expect(() => testTask({ secureAggregation: { clipNorm } })).toThrow(/clipNorm/);
    expect(() => testTask({ secureAggregation: { clips: { head: clipNorm } } })).toThrow(/clips.*head/s);
  });

  it('cannot be given clips of no segment, or of one that no model has', () => {
    expect(() => testTask({ secureAggregation: { clips: {} } })).toThrow(/names no segment/);
    const clips = { tail: 1 } as object;
    expect(() => testTask({ secureAggregation: { clips } })).toThrow(/clips/);
  });

  it('makes a task whose configuration is the same for all rounds', async () => {
    const modelHash = await store(model.bytes);
    const { task: row } = await newTask({ task: testTask(), modelHash }, blobs, 5);
    expect(row).toMatchObject({ state: 'waiting', nextRound: 1, modelHash, initialModelHash: modelHash });
    expect(JSON.parse(row.plan)).toMatchObject({ rounds: 2, initialModelHash: modelHash, training: { steps: 1 } });
    const header = await readModelHeader(blobs, modelHash);
    const [one, two] = [secAggConfigOf(row.file, row.plan, header), secAggConfigOf(row.file, row.plan, header)];
    expect(configHash(one)).toEqual(configHash(two));
    expect(one).toMatchObject({
      vectorLength: model.parameters,
      weighting: 'uniform',
      weightMax: 1,
      minCohort: 5,
      gammaPermille: 0,
    });
    expect(one.tail.map(({ name }) => name)).toEqual(['loss', 'validationLoss']);
  });

  it('tells members the strategy and the weighting in the plan, and asks for what the strategy needs in the sum', async () => {
    const modelHash = await store(model.bytes);
    const weighting = { kind: 'rootOfExamples', cap: 500, levels: 4 } as const;
    const strategy = { name: 'fedNova', serverLearningRate: 0.5 } as const;
    const file = testTask({ strategy, secureAggregation: { weighting } });
    const { task: row } = await newTask({ task: file, modelHash }, blobs, 5);
    expect(JSON.parse(row.plan)).toMatchObject({ strategy, weighting });
    const config = secAggConfigOf(row.file, row.plan, await readModelHeader(blobs, modelHash));
    expect(config).toMatchObject({ weighting: 'buckets', weightMax: 4 });
    const most = 4 * file.plan.training.steps;
    expect(config.tail.at(-1)).toEqual({ name: 'weightedSteps', low: 0, high: most, steps: most });
  });

  it('has members of SCAFFOLD send the change of their control variates behind the update', async () => {
    const modelHash = await store(model.bytes);
    const strategy = { name: 'scaffold', controlClipNorm: 3 } as const;
    const clips = { head: 2 };
    for (const [settings, names] of [
      [{}, ['update', 'control']],
      [{ clips }, ['encoder', 'embedder', 'head', 'control']],
    ] as const) {
      const { task: row } = await newTask(
        { task: testTask({ strategy, secureAggregation: settings }), modelHash },
        blobs,
        5,
      );
      const config = secAggConfigOf(row.file, row.plan, await readModelHeader(blobs, modelHash));
      expect(config.parts.map(({ name }) => name)).toEqual(names);
      expect(config.parts.at(-1)).toMatchObject({ length: model.parameters, clipNorm: 3 });
      expect(config.vectorLength).toBe(2 * model.parameters);
    }
  });

  it.each([
    ['a small cohort that is not allowed', { cohort: { minimum: 3 } }, 'allowSmall'],
    ['more known peers than members', { secureAggregation: { knownFloor: 7 }, cohort: { maximum: 6 } }, 'knownFloor'],
    [
      'SCAFFOLD with weights',
      { strategy: { name: 'scaffold' }, secureAggregation: { weighting: { kind: 'examples', cap: 10 } } } as const,
      'secureAggregation.weighting examples',
    ],
    [
      'SCAFFOLD with factors that take turns',
      { strategy: { name: 'scaffold' }, plan: { mode: { kind: 'roLora' } } } as const,
      'plan.mode roLora',
    ],
    ['more at least than at most', { cohort: { minimum: 9, maximum: 6 } }, 'cohort.maximum'],
    [
      'a clip norm too large for the ring',
      { secureAggregation: { clipNorm: 1e6, maxLoss: 1 }, cohort: { maximum: 128 } },
      undefined,
    ],
    ['more survivors than a cohort has', { secureAggregation: { minSurvivors: 6 } }, 'minSurvivors'],
    [
      'a clip for what the task does not train',
      { secureAggregation: { clips: { head: 1, factors: 1 } } },
      'clips names factors; what this task trains is encoder, embedder, head',
    ],
  ])('%s', async (_what, change, message) => {
    const modelHash = await store(model.bytes);
    const made = newTask({ task: testTask(change), modelHash }, blobs, 5);
    if (message === undefined) await expect(made).resolves.toBeDefined();
    else await expect(made).rejects.toMatchObject({ code: 'InvalidTask', message: expect.stringContaining(message) });
  });

  it.each([
    [16, 5],
    [16, 128],
    [32, 128],
  ] as const)('finds the scale for a ring of %i bits and a cohort of %i', async (ring, maximum) => {
    const modelHash = await store(model.bytes);
    const { task: row } = await newTask(
      { task: testTask({ secureAggregation: { ring }, cohort: { maximum } }), modelHash },
      blobs,
      5,
    );
    const config = secAggConfigOf(row.file, row.plan, await readModelHeader(blobs, modelHash));
    expect(config.wordBits).toBe(ring);
    const larger = withScales(config, (scaleLog2) => scaleLog2 + 1);
    expect(() => assertEncodingFits(config)).not.toThrow();
    expect(() => assertEncodingFits(larger)).toThrow(expect.objectContaining({ code: 'InvalidTask' }));
  });

  it('cuts the update into the segments where they have clips, each with the largest scale that fits', async () => {
    const modelHash = await store(model.bytes);
    const { task: row } = await newTask(
      { task: testTask({ secureAggregation: { clipNorm: 4, clips: { head: 0.5 } } }), modelHash },
      blobs,
      5,
    );
    const { parts, vectorLength } = secAggConfigOf(row.file, row.plan, await readModelHeader(blobs, modelHash));
    expect(parts.map(({ name, clipNorm }) => [name, clipNorm])).toEqual([
      ['encoder', 4],
      ['embedder', 4],
      ['head', 0.5],
    ]);
    expect(parts.reduce((sum, { length }) => sum + length, 0)).toBe(vectorLength);
    expect(parts[2]!.scaleLog2).toBe(parts[0]!.scaleLog2 + 3);
  });

  it('makes and stores the adapter of a mode that leaves a part as it is, and nothing where the task does not fit', async () => {
    const architecture = architectureOf('nano');
    const manifest = manifestFor(architecture);
    const bytes = encodeFile(manifest, modelMetadata(architecture), new Float32Array(parameterCount(manifest)));
    const modelHash = await store(bytes);
    const stored = () =>
      readdirSync(folder, { recursive: true, withFileTypes: true }).filter((one) => one.isFile()).length;
    const before = stored();
    const mode = { kind: 'lora' } as const;
    const tooMany = { cohort: { maximum: 200 }, secureAggregation: { graph: 'complete' } } as const;
    const wrong = newTask({ task: testTask({ plan: { mode }, ...tooMany }), modelHash }, blobs, 5);
    await expect(wrong).rejects.toMatchObject({ code: 'InvalidTask' });
    expect(stored()).toBe(before);
    const { task, adapter } = await newTask({ task: testTask({ plan: { mode } }), modelHash }, blobs, 5);
    expect(JSON.parse(task.plan)).toMatchObject({ baseModelHash: modelHash, initialModelHash: adapter?.hash });
    expect(stored()).toBe(before + 1);
    const header = await readModelHeader(blobs, adapter!.hash);
    expect(secAggConfigOf(task.file, task.plan, header).vectorLength).toBe(adapter?.parameters);
  });

  it('takes a small cohort that is allowed', async () => {
    const modelHash = await store(model.bytes);
    const cohort = { minimum: 3, allowSmall: true };
    await expect(newTask({ task: testTask({ cohort }), modelHash }, blobs, 5)).resolves.toBeDefined();
  });

  it.each(['full', 'headOnly', 'lora', 'roLora'] as const)(
    'takes nothing but a whole Hansa model in mode %s, and says what it was given',
    async (kind) => {
      const { manifest } = await readModelHeader(blobs, await store(model.bytes));
      const numbers = new Float32Array(model.parameters);
      for (const [bytes, message] of [
        [encodeFile(layOut([{ name: 'demand.weight', shape: [10] }]), {}, new Float32Array(10)), 'is a Hansa model'],
        [encodeFile(manifest, modelMetadata(architectureOf('nano')), numbers), 'not those of the architecture'],
        [encodeFile(manifest, { format: 'hansa-adapter' }, numbers), 'model merge'],
      ] as const) {
        const made = newTask({ task: testTask({ plan: { mode: { kind } } }), modelHash: await store(bytes) }, blobs, 5);
        await expect(made).rejects.toMatchObject({
          code: 'InvalidModelFile',
          message: expect.stringContaining(message),
        });
      }
    },
  );

  it('names the model that is missing, or is none', async () => {
    await expect(newTask({ task: testTask(), modelHash: 'a'.repeat(64) }, blobs, 5)).rejects.toMatchObject({
      code: 'NotFound',
    });
    for (const bytes of [
      new Uint8Array(0),
      new Uint8Array(5),
      new Uint8Array(100).fill(255),
      model.bytes.slice(0, -1),
    ]) {
      const modelHash = await store(bytes);
      await expect(newTask({ task: testTask(), modelHash }, blobs, 5)).rejects.toMatchObject({
        code: 'InvalidModelFile',
      });
    }
  });
});
