import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { openTaskBook } from './taskBook.ts';

const first = '6f0c1d0e-1111-4222-8333-444455556666';
const second = '7f0c1d0e-1111-4222-8333-444455556666';
const model = (digit: string) => digit.repeat(64);
const planText = (seed = 1) =>
  JSON.stringify({
    job: { kind: 'demand', frequency: 'day' },
    rounds: 3,
    lastRound: 13,
    training: { steps: 5, batchSize: 4, optimizer: 'adamW', learningRate: 0.001 },
    seed,
    initialModelHash: model('a'),
    evaluation: { fineTuneSteps: 1, learningRates: [0.001] },
  });

describe('openTaskBook', () => {
  let folder: string;
  let nowMs = 0;
  const open = () => openTaskBook(folder, () => (nowMs += 1000));
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'hansa-tasks-'));
  });
  afterEach(() => rmSync(folder, { recursive: true }));

  it('remembers tasks over restarts, the newest first', async () => {
    const book = open();
    await book.accept(first, planText());
    await book.accept(second, planText());
    await book.update(first, { modelHash: model('b'), committedRounds: 2, roundsJoined: 1 });
    const again = open();
    expect(again.all().map(({ taskId }) => taskId)).toEqual([first, second]);
    expect(again.get(first)).toMatchObject({
      modelHash: model('b'),
      committedRounds: 2,
      roundsJoined: 1,
      outcome: 'running',
    });
    expect(again.modelsInUse()).toEqual(new Set([model('a'), model('b')]));
  });

  it('takes the same plan again and refuses another', async () => {
    const book = open();
    await book.accept(first, planText());
    await book.accept(first, planText());
    await expect(book.accept(first, planText(2))).rejects.toMatchObject({ code: 'PolicyRefused' });
  });

  it('refuses what is no plan, and writes nothing', async () => {
    const book = open();
    const unknownField = planText().replace('{', '{"extra":1,');
    for (const text of ['', '{}', 'null', unknownField]) {
      await expect(book.accept(first, text)).rejects.toMatchObject({ code: 'InvalidMessage' });
    }
    expect(readdirSync(folder)).toEqual([]);
  });

  it('keeps a task whose plan is of the form of before there were several jobs, and its models', async () => {
    const oldPlan = {
      job: 'demand',
      frequency: 'week',
      rounds: 3,
      lastRound: 13,
      mode: { kind: 'headOnly' },
      localSteps: 5,
      batchSize: 4,
      optimizer: 'adamW',
      learningRate: 0.001,
      warmupSteps: 2,
      proximalMu: 0.1,
      earlyStop: { everySteps: 2, patience: 3 },
      seed: 1,
      windowsPerUnit: 100,
      initialModelHash: model('a'),
      baseModelHash: model('c'),
      evaluation: { fineTuneSteps: 1, learningRates: [0.001] },
    };
    const record = {
      formatVersion: 1,
      taskId: first,
      planText: JSON.stringify(oldPlan),
      modelHash: model('b'),
      committedRounds: 3,
      roundsJoined: 2,
      outcome: 'running',
      updatedAt: '2026-01-02T03:04:05.000Z',
    };
    writeFileSync(join(folder, `${first}.json`), `${JSON.stringify(record, null, 2)}\n`);
    await open().update(first, { outcome: 'completed' });
    const book = open();
    expect(book.get(first)).toMatchObject({
      planText: record.planText,
      outcome: 'completed',
      plan: {
        job: { kind: 'demand', frequency: 'week' },
        training: { steps: 5, batchSize: 4, optimizer: 'adamW', warmupSteps: 2, proximalMu: 0.1 },
      },
    });
    expect(book.modelsInUse()).toEqual(new Set([model('a'), model('b'), model('c')]));
    await expect(book.accept(second, record.planText)).rejects.toMatchObject({ code: 'InvalidMessage' });
  });

  it('leaves a damaged record out', async () => {
    await open().accept(first, planText());
    writeFileSync(join(folder, `${first}.json`), '{');
    expect(open().all()).toEqual([]);
  });
});
