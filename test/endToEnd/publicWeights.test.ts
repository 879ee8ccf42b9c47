import { copyFileSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { elementCount, readHeader } from '@hansa/shared/numeric';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { Processes } from './processes.ts';
import { createTask, enrolNode, newToken, roundsOf, startCoordinator, writeNode } from './processLeague.ts';

/** A tiny BERT as Python's transformers saves it; see makeFixture.py beside it. */
const published = fileURLToPath(new URL('../../client-node/model/huggingFace/fixtures/bert', import.meta.url));

interface Embedded {
  readonly engine: string;
  readonly dimensions: number;
  readonly texts: readonly { text: string; embedding: number[]; tokens?: number[]; hidden?: number[][] }[];
}

/** A tensor's numbers. */
function numbersOf(path: string, name: string): Float32Array {
  const bytes = readFileSync(path);
  const { manifest, dataOffset } = readHeader(bytes, bytes.length);
  const { offset, shape } = manifest.find((entry) => entry.name === name)!;
  const at = bytes.byteOffset + dataOffset + 4 * offset;
  return new Float32Array(bytes.buffer.slice(at, at + 4 * elementCount(shape)));
}

/** Two shipments a day, one of each item: half of those with a sign that the tokenizer does not know come late. */
function writeShipments(path: string): void {
  const date = (day: number) => new Date(Date.UTC(2025, 0, 1 + day)).toISOString().slice(0, 10);
  const lines = Array.from({ length: 200 }, (_, order) => {
    const day = Math.floor(order / 2);
    const isLate = order % 4 === 0;
    return [
      order,
      date(day),
      date(day + 10),
      date(day + (isLate ? 12 : 9)),
      order % 2 ? 'Red shoes' : 'size ☃ 42',
      5 + (order % 7),
    ];
  });
  writeFileSync(
    path,
    `${['id,ordered,promised,delivered,item,kilos', ...lines.map((line) => line.join())].join('\n')}\n`,
  );
}

let folder: string;
let processes: Processes;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'hansa-weights-'));
  processes = new Processes(folder);
});
afterEach(async () => {
  await processes.end();
  rmSync(folder, { recursive: true });
});

describe('a league that starts from public weights', () => {
  it('imports them, trains a round on them, reads texts with what came of it, and hands it back to Python', async () => {
    const start = join(folder, 'imported.safetensors');
    const tokenizer = join(folder, 'imported.tokenizer.json');
    const imported = await processes.answer<{ tokenizer: string }>(
      'client',
      'model',
      'import',
      published,
      '--out',
      start,
    );
    expect(imported).toMatchObject({ tokenizer, seed: 0, leftOut: ['pooler.dense.bias', 'pooler.dense.weight'] });

    const coordinator = await startCoordinator(processes, folder);
    const small = { policy: { minCohort: 2, knownFloor: 0 }, training: { engine: 'wasm' } };
    const configs = [0, 1].map((merchant) =>
      writeNode(join(folder, `node-${merchant}`), coordinator.address, merchant, small),
    );
    for (const config of configs) {
      const token = await newToken(coordinator, config);
      await processes.answer('client', 'enrol', '--config', config, '--token', token);
    }
    const task = await createTask(processes, coordinator, folder, 1, {
      model: 'imported.safetensors',
      cohort: { minimum: 2, maximum: 2, allowSmall: true },
      secureAggregation: { minSurvivors: 2, knownFloor: 0 },
    });
    const nodes = configs.map((config) => processes.start('client', 'run', '--config', config, '--until-task-ends'));
    for (const { status, stderr } of await Promise.all(nodes.map(({ finished }) => finished))) {
      expect(status, stderr).toBe(0);
    }
    const committed = (await roundsOf(processes, coordinator, task.id)).find(({ outcome }) => outcome === 'committed');
    const trained = join(folder, 'trained.safetensors');
    const get = ['model', 'export', committed!.modelHash!, '--out', trained, '--data', coordinator.dataFolder];
    await processes.answer('coordinator', ...get);
    const words = 'bert.embeddings.word_embeddings.weight';
    const query = 'bert.encoder.layer.0.attention.self.query.weight';
    expect(numbersOf(trained, words)).toEqual(numbersOf(start, words));
    expect(numbersOf(trained, query)).not.toEqual(numbersOf(start, query));

    const texts = ['--text', 'Red shoes', 'Sapatos vermelhos', '--tokenizer', tokenizer, '--tokens'];
    const embed = (model: string) =>
      processes.answer<Embedded>('client', 'model', 'embed', model, ...texts, '--engine', 'wasm');
    const embedded = await embed(trained);
    expect(embedded).toMatchObject({ engine: 'wasm', dimensions: 32 });
    expect(embedded.texts.map(({ text }) => text)).toEqual(['Red shoes', 'Sapatos vermelhos']);
    for (const { embedding, tokens, hidden } of embedded.texts) {
      expect(Math.hypot(...embedding)).toBeCloseTo(1, 5);
      expect(hidden!.map((row) => row.length)).toEqual(tokens!.map(() => 32));
    }
    expect(embedded.texts[0]!.embedding).not.toEqual((await embed(start)).texts[0]!.embedding);

    const out = join(folder, 'for-python');
    await processes.answer('client', 'model', 'export', trained, '--out', out, '--tokenizer', tokenizer);
    expect(readdirSync(out).sort()).toEqual([
      '1_Pooling',
      'config.json',
      'hansa.safetensors',
      'model.safetensors',
      'modules.json',
      'tokenizer.json',
      'tokenizer_config.json',
    ]);
    expect(numbersOf(join(out, 'model.safetensors'), query.slice('bert.'.length))).toEqual(numbersOf(trained, query));
  });

  it('trains risk on orders with texts, which are read by the words that were imported, and leaves the words as they are', async () => {
    const start = join(folder, 'start.safetensors');
    await processes.answer('client', 'model', 'import', published, '--jobs', 'demand', 'risk', '--out', start);
    const coordinator = await startCoordinator(processes, folder);
    const columns = { order: 'id', ordered: 'ordered', promised: 'promised', delivered: 'delivered' };
    const entry = {
      job: 'risk',
      sources: [
        { file: 'shipments.csv', columns: { ...columns, numbers: { weight: 'kilos' }, texts: { item: 'item' } } },
      ],
    };
    const overrides = {
      data: { ...entry, tokenizer: 'start.tokenizer.json' },
      policy: { minCohort: 2, knownFloor: 0 },
    };
    const nodes = [];
    for (const merchant of [0, 1]) {
      const home = join(folder, `node-${merchant}`);
      nodes.push(await enrolNode(processes, coordinator, home, merchant, { overrides }));
      copyFileSync(join(folder, 'start.tokenizer.json'), join(home, 'start.tokenizer.json'));
      writeShipments(join(home, 'shipments.csv'));
    }
    const { config } = nodes[0]!;
    const checked = await processes.answer<{ tokens: object }>('client', 'check-data', '--config', config);
    expect(checked.tokens).toEqual({ vocabularySize: 89, texts: 200, cut: 0, read: 500, unknown: 100 });

    const task = await createTask(processes, coordinator, folder, 1, {
      plan: {
        job: { kind: 'risk', numbers: ['weight'], texts: ['item'] },
        training: { steps: 5, batchSize: 8, learningRate: 0.01 },
      },
      model: 'start.safetensors',
      cohort: { minimum: 2, maximum: 2, allowSmall: true },
      secureAggregation: { minSurvivors: 2, knownFloor: 0 },
    });
    const running = nodes.map((node) => processes.start('client', 'run', '--config', node.config, '--until-task-ends'));
    for (const { status, stderr } of await Promise.all(running.map(({ finished }) => finished)))
      expect(status, stderr).toBe(0);
    const committed = (await roundsOf(processes, coordinator, task.id)).find(({ outcome }) => outcome === 'committed');
    expect(committed!.reported).toHaveLength(2);
    const trained = join(folder, 'trained.safetensors');
    const get = ['model', 'export', committed!.modelHash!, '--out', trained, '--data', coordinator.dataFolder];
    await processes.answer('coordinator', ...get);
    const words = 'bert.embeddings.word_embeddings.weight';
    expect(numbersOf(trained, words)).toEqual(numbersOf(start, words));
    for (const moved of ['bert.encoder.layer.0.attention.self.query.weight', 'risk.embedder.values.weight'])
      expect(numbersOf(trained, moved)).not.toEqual(numbersOf(start, moved));

    const written = JSON.parse(readFileSync(config, 'utf8')) as object;
    writeFileSync(config, JSON.stringify({ ...written, data: entry }));
    const { status, stdout } = await processes.run('client', 'evaluate', '--config', config, '--json');
    expect([status, JSON.parse(stdout)]).toMatchObject([
      1,
      { code: 'PolicyRefused', detail: expect.stringMatching(/names no tokenizer \(data, tokenizer\): take the file/) },
    ]);
  });

  it('is told what is wrong with a folder, a file or a command', async () => {
    const nano = join(folder, 'nano.safetensors');
    await processes.answer('client', 'model', 'init', '--out', nano);
    const refused = async (...args: string[]) => {
      const { status, stdout } = await processes.run('client', 'model', ...args, '--json');
      const { code, detail } = JSON.parse(stdout) as { code: string; detail: string };
      return [status, code, detail];
    };
    const out = join(folder, 'out.safetensors');
    expect(await refused('import', folder, '--out', out)).toEqual([
      2,
      'InvalidModelFile',
      expect.stringMatching(/has neither model\.safetensors/),
    ]);
    expect(await refused('import', published, '--out', nano)).toEqual([
      2,
      'InvalidArgument',
      expect.stringMatching(/exists already/),
    ]);
    expect(await refused('import', published, '--out', join(folder, 'none', 'out.safetensors'))).toEqual([
      2,
      'InvalidArgument',
      expect.stringMatching(/Cannot write .* \(ENOENT\)\. Name a path with --out/),
    ]);
    expect(await refused('embed', nano, '--text', 'shoes', '--engine', 'wasm')).toEqual([
      2,
      'InvalidModelFile',
      expect.stringMatching(/reads no texts/),
    ]);
    expect(await refused('embed', nano)).toEqual([2, 'InvalidArgument', expect.stringMatching(/There is no text/)]);
    expect(await refused('export', join(folder, 'none.safetensors'), '--out', join(folder, 'e'))).toEqual([
      2,
      'NotFound',
      expect.stringMatching(/no model file/),
    ]);
    expect(await refused('export', folder, '--out', join(folder, 'e'))).toEqual([
      2,
      'InvalidModelFile',
      expect.stringMatching(/is a folder/),
    ]);
    expect(await refused('init', '--out', join(folder, 'none', 'out.safetensors'))).toEqual([
      2,
      'InvalidArgument',
      expect.stringMatching(/Name a path with --out/),
    ]);
    expect(await refused('export', nano, '--out', folder)).toEqual([
      2,
      'InvalidArgument',
      expect.stringMatching(/exists already/),
    ]);
    expect(readdirSync(folder)).toEqual(['nano.safetensors']);
  });
});
