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

  it('leaves a damaged record out', async () => {
    await open().accept(first, planText());
    writeFileSync(join(folder, `${first}.json`), '{');
    expect(open().all()).toEqual([]);
  });
});
