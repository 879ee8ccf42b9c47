import { appendFileSync, mkdtempSync, readFileSync, rmSync, statSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { JournalRecord } from '@hansa/aggregation/secagg/client';
import { HansaError } from '@hansa/shared/errors';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { openJournal, readJournal } from './journal.ts';

const federation = '6f0c1d0e-1111-4222-8333-444455556666';
const task = '7f0c1d0e-1111-4222-8333-444455556666';
const bytes = (fill: number) => new Uint8Array(32).fill(fill);

const statement = { bytes: new Uint8Array(300).fill(8), signature: new Uint8Array(64).fill(9) };

const samples: JournalRecord[] = [
  {
    type: 'roster',
    roster: {
      federation,
      epoch: 0,
      hash: bytes(1),
      members: [{ index: 0, id: task, publicKey: bytes(2) }],
      known: [0],
      first: [{ index: 0, id: task, publicKey: bytes(2) }],
    },
  },
  { type: 'opened', federation, task, group: 0, seq: 1, sid: bytes(3), configHash: bytes(4), statement },
  { type: 'drawJoined', federation, task, seq: 1, rosterHash: bytes(1), configHash: bytes(4), statement },
  {
    type: 'grouped',
    federation,
    task,
    grouping: { rosterHash: bytes(1), seedHash: bytes(2), group: 2, members: [0, 3] },
  },
  { type: 'roundStarted', federation, task, round: 1, sid: bytes(3), roundHash: bytes(5) },
  { type: 'signed', federation, task, round: 1, sid: bytes(3), survivorsHash: bytes(6) },
  { type: 'answered', sid: bytes(3), answerHash: bytes(7) },
];

describe('openJournal', () => {
  let folder: string;
  let path: string;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'hansa-journal-'));
    path = join(folder, 'journal.jsonl');
  });
  afterEach(() => rmSync(folder, { recursive: true }));

  const write = async (records: readonly JournalRecord[]): Promise<Buffer> => {
    rmSync(path, { force: true });
    const journal = await openJournal(path);
    for (const record of records) await journal.append(record);
    await journal.close();
    return readFileSync(path);
  };
  const read = async (): Promise<readonly JournalRecord[]> => {
    const journal = await openJournal(path);
    await journal.close();
    return journal.records;
  };

  it('gives back every kind of record, byte for byte', async () => {
    await write(samples);
    expect(await read()).toEqual(samples);
  });

  it('can be read while another process writes it, and is left as it is', async () => {
    expect(await readJournal(path)).toEqual([]);
    const whole = await write(samples);
    // The last line is still on its way.
    truncateSync(path, whole.length - 1);
    expect(await readJournal(path)).toEqual(samples.slice(0, -1));
    expect(readFileSync(path)).toHaveLength(whole.length - 1);
    writeFileSync(path, 'nonsense\n');
    await expect(readJournal(path)).rejects.toMatchObject({ code: 'LedgerCorrupt' });
  });

  it('is readable by its owner alone', async () => {
    await write(samples);
    expect(statSync(path).mode & 0o777).toBe(0o600);
  });

  it('keeps the order of appends that nobody waits for', async () => {
    const journal = await openJournal(path);
    await Promise.all(samples.map((record) => journal.append(record)));
    await journal.close();
    expect(await read()).toEqual(samples);
  });

  it('recovers from a cut at any byte: what was whole stays, what was cut off is removed, and the file goes on', async () => {
    const whole = await write(samples);
    await fc.assert(
      fc.asyncProperty(fc.integer({ min: 0, max: whole.length }), async (length) => {
        writeFileSync(path, whole);
        truncateSync(path, length);
        const complete = whole.subarray(0, length).toString().split('\n').length - 1;
        const journal = await openJournal(path);
        expect(journal.records).toEqual(samples.slice(0, complete));
        await journal.append(samples[4]!);
        await journal.close();
        expect(await read()).toEqual([...samples.slice(0, complete), samples[4]]);
      }),
      { seed: 7, numRuns: 60 },
    );
  });

  it('refuses any other change by the line it is in', async () => {
    const whole = await write(samples);
    const lineOf = (offset: number) => whole.subarray(0, offset).toString('latin1').split('\n').length;
    await fc.assert(
      fc.asyncProperty(
        fc.integer({ min: 0, max: whole.length - 2 }),
        fc.integer({ min: 1, max: 255 }),
        async (offset, change) => {
          const changed = Buffer.from(whole);
          changed[offset] = changed[offset]! ^ change;
          writeFileSync(path, changed);
          const error = await read().then(
            () => undefined,
            (reason: unknown) => reason,
          );
          expect(error).toBeInstanceOf(HansaError);
          expect(error).toMatchObject({ code: 'LedgerCorrupt', details: { line: lineOf(offset) } });
        },
      ),
      { seed: 8, numRuns: 120 },
    );
  });

  it('refuses a line that is missing, repeated or out of place', async () => {
    const lines = (await write(samples)).toString().trimEnd().split('\n');
    const swapped = [lines[0], lines[2], lines[1], lines[3], lines[4]];
    for (const broken of [lines.slice(1), [...lines, lines[4]], swapped]) {
      writeFileSync(path, `${broken.join('\n')}\n`);
      await expect(read()).rejects.toMatchObject({ code: 'LedgerCorrupt' });
    }
  });

  it('removes the zeros that a crash can leave behind', async () => {
    await write(samples);
    appendFileSync(path, Buffer.alloc(100));
    expect(await read()).toEqual(samples);
    expect(readFileSync(path).includes(0)).toBe(false);
  });
});
