import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openSum } from '@hansa/aggregation/secagg/encoding';
import { ReducerLeague, unmaskedSum } from '@hansa/aggregation/secagg/testing';
import { strategyFor } from '@hansa/aggregation/strategy';
import { dataConfigSchema } from '@hansa/client-node/jobs/demand';
import { initialWeights, writeModelFile } from '@hansa/client-node/model';
import { startTrainer } from '@hansa/client-node/trainer';
import { createLogger } from '@hansa/shared/log';
import { architectureOf } from '@hansa/shared/model';
import { localTrainingSchema, taskFileSchema } from '@hansa/shared/protocol';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

const clients = 5;
const days = 160;
const itemsPerClient = 2;
/** What a task has where its file says nothing. */
const { clipNorm } = taskFileSchema.shape.secureAggregation.parse(undefined);
const architecture = architectureOf('nano');
const start = initialWeights(architecture, 3);

let folder: string;
/** Local minus start, of one full-batch step: each client's, all clients' data in one place, and of a client whose history is shorter. */
let updates: readonly Float32Array[];
let pooled: Float32Array;
let shorter: Float32Array;

/** Order lines of the items of some clients, from `firstDay` on; each client sells on another level and in another rhythm. */
function orders(of: readonly number[], firstDay = 0): string {
  const lines = ['date,item,quantity'];
  for (let day = firstDay; day < days; day++) {
    const date = new Date(Date.UTC(2025, 0, 1 + day)).toISOString().slice(0, 10);
    for (const client of of) {
      for (let item = 0; item < itemsPerClient; item++) {
        const rhythm = (day * (client + 2) + 3 * item) % 7;
        lines.push(`${date},client-${client}-item-${item},${1 + client + rhythm + ((day * 7919 + item) % 5)}`);
      }
    }
  }
  return `${lines.join('\n')}\n`;
}

/** One plain SGD step in float32 over every training window of an order file, in a training process of the product. */
async function step(name: string, csv: string): Promise<{ update: Float32Array; examples: number }> {
  const own = join(folder, name);
  mkdirSync(own);
  writeFileSync(join(own, 'orders.csv'), csv);
  const trainer = await startTrainer({
    engine: 'wasm',
    data: [
      dataConfigSchema.parse({
        sources: [{ file: 'orders.csv', columns: { date: 'date', item: 'item', quantity: 'quantity' } }],
        frequency: 'day',
        returns: 'none',
        validFrom: '2025-04-01',
        testFrom: '2025-05-01',
      }),
    ],
    baseFolder: own,
    scratchFolder: own,
    log: createLogger('test', 'silent'),
  });
  try {
    const updateFile = join(own, 'update.f32');
    const { examples } = await trainer.train({
      modelFile: join(folder, 'start.safetensors'),
      job: 'demand',
      round: 1,
      rounds: 1,
      updateFile,
      training: localTrainingSchema.parse({ steps: 1, batchSize: 1, learningRate: 0.1, optimizer: 'sgd' }),
      seed: 1,
      fullBatch: true,
    });
    const bytes = readFileSync(updateFile);
    return {
      update: new Float32Array(bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.length)),
      examples,
    };
  } finally {
    await trainer.close();
  }
}

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'hansa-pooled-step-'));
  await writeModelFile(join(folder, 'start.safetensors'), architecture, start);
  const everyone = Array.from({ length: clients }, (_, client) => client);
  const [alone, together, half] = await Promise.all([
    Promise.all(everyone.map((client) => step(`client-${client}`, orders([client])))),
    step('pooled', orders(everyone)),
    step('shorter', orders([0], 40)),
  ]);
  expect(new Set(alone.map(({ examples }) => examples)).size).toBe(1);
  expect(together.examples).toBe(clients * alone[0]!.examples);
  expect(half.examples).toBeLessThan(alone[0]!.examples);
  updates = alone.map(({ update }) => update);
  pooled = together.update;
  shorter = half.update;
});

afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** The model after a round of the whole protocol with these updates, and the size of one quantisation step of the mean. */
function securelyAveraged(of: readonly Float32Array[], clipNorm: number): { model: Float32Array; quantum: number } {
  const league = new ReducerLeague({
    size: of.length,
    seed: 'pooled step',
    update: (node) => of[node]!,
    config: { vectorLength: start.length, clipNorm, weighting: 'uniform', weightMax: 1 },
  });
  league.open();
  while (league.server.phase !== 'unmasking') league.server.phase === 'ready' ? league.startRound() : league.exchange();
  const plan = league.plan!;
  const unmasked = unmaskedSum(league.config, plan, (index) => league.vectors.get(index)!);
  const sum = openSum(league.config, plan.survivors.length, unmasked, league.rotationSeed);
  const model = new Float32Array(start.length);
  const strategy = strategyFor({ name: 'fedAvg', serverLearningRate: 1 });
  for (const { start: at, mean } of sum.tiles()) {
    const end = at + mean.length;
    strategy.apply({ base: start.subarray(at, end), mean, state: [], out: model.subarray(at, end) }, { stepShare: 1 });
  }
  return { model, quantum: 2 ** -league.config.parts[0]!.scaleLog2 };
}

const normOf = (vector: Float32Array): number => Math.sqrt(vector.reduce((sum, value) => sum + value * value, 0));

/** How far a model is from the pooled step at worst, beyond what may differ: above 0 is too far. */
function excess({ model, quantum }: ReturnType<typeof securelyAveraged>): number {
  let worst = Number.NEGATIVE_INFINITY;
  for (let at = 0; at < model.length; at++) {
    const wanted = start[at]! + pooled[at]!;
    worst = Math.max(worst, Math.abs(model[at]! - wanted) - quantum - 1e-6 * Math.abs(wanted));
  }
  return worst;
}

describe('one SGD step of equal clients through secure federated averaging', () => {
  it('is the step on their pooled data, to one quantisation step and 1e-6', () => {
    expect(Math.max(...updates.map(normOf))).toBeLessThan(clipNorm);
    const round = securelyAveraged(updates, clipNorm);
    // What is compared has moved a long way in these units.
    expect(pooled.reduce((largest, change) => Math.max(largest, Math.abs(change)), 0)).toBeGreaterThan(
      1e4 * round.quantum,
    );
    expect(excess(round)).toBeLessThanOrEqual(0);
  });

  it('is not where the clip was reached, a client is missing or the clients are of unequal size', () => {
    const smallest = Math.min(...updates.map(normOf));
    expect(excess(securelyAveraged(updates, 0.5 * smallest))).toBeGreaterThan(1e-5);
    expect(excess(securelyAveraged(updates.slice(1), clipNorm))).toBeGreaterThan(1e-5);
    expect(excess(securelyAveraged([shorter, ...updates.slice(1)], clipNorm))).toBeGreaterThan(1e-5);
  });
});
