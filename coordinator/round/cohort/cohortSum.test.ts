import { appendFile, mkdtemp, rm, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { FoldedSum, type LayoutConfig, layoutOf } from '@hansa/aggregation/secagg/encoding';
import { seededRandom } from '@hansa/shared/random';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { CohortSum } from './cohortSum.ts';

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'hansa-sum-'));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

const tail = [{ name: 'loss', low: 0, high: 1, steps: 1000 }];
const configOf = (wordBits: 16 | 32, vectorLength = 70_001): LayoutConfig => ({ vectorLength, wordBits, tail });
const vectors = new Map<string, Uint8Array>();

/** Members who upload into files and into a sum, as the coordinator's uploads have them do. */
class TestUploads {
  readonly sum: CohortSum;
  readonly config: LayoutConfig;
  readonly files = new Map<number, string>();
  readonly #sent = new Map<number, number>();

  constructor(config: LayoutConfig) {
    this.config = config;
    this.sum = new CohortSum(config);
  }

  vectorOf(member: number): Uint8Array {
    const { sizeBytes } = layoutOf(this.config);
    const name = `member ${member}, ${sizeBytes} bytes`;
    const vector = vectors.get(name) ?? seededRandom(name).bytes(sizeBytes);
    vectors.set(name, vector);
    return vector;
  }

  async expect(member: number): Promise<void> {
    const file = path.join(folder, String(member));
    await writeFile(file, '');
    this.files.set(member, file);
    this.sum.begin();
  }

  /** Sends so many bytes more, of a wrong vector where it `lies`. */
  async send(member: number, sizeBytes: number, lies = false): Promise<void> {
    const at = this.#sent.get(member) ?? 0;
    const chunk = this.vectorOf(member).slice(at, at + sizeBytes);
    if (lies) chunk.fill(7);
    await appendFile(this.files.get(member)!, chunk);
    this.sum.fold(member, at, chunk);
    this.#sent.set(member, at + chunk.length);
  }

  sendAll(member: number): Promise<void> {
    return this.send(member, layoutOf(this.config).sizeBytes);
  }

  async startOver(member: number): Promise<void> {
    const file = this.files.get(member)!;
    await this.sum.takeOut(member, file);
    await truncate(file);
    this.#sent.delete(member);
  }

  async discard(member: number): Promise<void> {
    await this.startOver(member);
    await rm(this.files.get(member)!);
    this.files.delete(member);
  }

  async expectExact(survivors: readonly number[]): Promise<void> {
    const expected = new FoldedSum(this.config);
    for (const member of survivors) expected.add(0, this.vectorOf(member));
    const { bytes } = await this.sum.complete(survivors, this.files);
    expect(Buffer.compare(bytes, expected.bytes)).toBe(0);
  }
}

async function uploadsOf(members: readonly number[], config = configOf(32)): Promise<TestUploads> {
  const uploads = new TestUploads(config);
  for (const member of members) await uploads.expect(member);
  return uploads;
}

describe("a cohort's sum", () => {
  it('is that of the survivors, whoever sends, lies, starts over, vanishes or is left out, in whatever order', async () => {
    const members = [0, 1, 2, 3, 4];
    const sizes = fc.integer({ min: 1, max: 15_000 });
    const act = fc.record({
      member: fc.constantFrom(...members),
      what: fc.constantFrom('send', 'send', 'send', 'lie', 'startOver'),
      size: sizes,
    });
    // How each member ends: its vector whole and in, whole and not in, broken off, discarded.
    const ends = fc.array(fc.constantFrom('in', 'in', 'out', 'broken', 'discarded'), { minLength: 5, maxLength: 5 });
    await fc.assert(
      fc.asyncProperty(
        fc.constantFrom<16 | 32>(16, 32),
        fc.array(act, { maxLength: 20 }),
        ends,
        async (bits, acts, how) => {
          const uploads = await uploadsOf(members, configOf(bits, 5001));
          const liars = new Set<number>();
          for (const { member, what, size } of acts) {
            if (what === 'startOver') liars.delete(member);
            if (what === 'lie') liars.add(member);
            if (what === 'startOver') await uploads.startOver(member);
            else await uploads.send(member, size, what === 'lie');
          }
          for (const member of members) {
            if (how[member] === 'discarded') await uploads.discard(member);
            // A wrong hash is found at the end.
            if (how[member] === 'in' && liars.has(member)) await uploads.startOver(member);
            if (how[member] === 'in' || how[member] === 'out') await uploads.sendAll(member);
          }
          await uploads.expectExact(members.filter((member) => how[member] === 'in'));
        },
      ),
      { numRuns: 40, seed: 1 },
    );
  });

  it('is folded while vectors arrive: no file of a survivor is read', async () => {
    const uploads = await uploadsOf([1, 2]);
    await uploads.sendAll(1);
    await uploads.sendAll(2);
    for (const file of uploads.files.values()) await writeFile(file, 'not a vector');
    await uploads.expectExact([1, 2]);
  });

  it('is folded again where a file is gone that a piece should be taken out with', async () => {
    const uploads = await uploadsOf([1, 2, 3]);
    await uploads.sendAll(1);
    await uploads.send(2, 1000);
    await rm(uploads.files.get(2)!);
    await uploads.sum.takeOut(2, uploads.files.get(2)!);
    await uploads.sendAll(3);
    await uploads.expectExact([1, 3]);
  });

  it('is folded again where the file of one who is left out is gone or cut short at the end', async () => {
    for (const lose of [rm, truncate]) {
      const uploads = await uploadsOf([1, 2]);
      await uploads.sendAll(1);
      await uploads.sendAll(2);
      await lose(uploads.files.get(2)!);
      await uploads.expectExact([1]);
    }
  });

  it('waits for what is just being taken out', async () => {
    const uploads = await uploadsOf([1, 2]);
    await uploads.send(1, 250_000);
    await uploads.sendAll(2);
    void uploads.sum.takeOut(1, uploads.files.get(1)!);
    await uploads.expectExact([2]);
  });

  it('leaves a chunk that does not follow to the end, and folds none twice', async () => {
    const uploads = await uploadsOf([1]);
    const vector = uploads.vectorOf(1);
    await writeFile(uploads.files.get(1)!, vector);
    uploads.sum.fold(1, 0, vector.subarray(0, 1001));
    uploads.sum.fold(1, 0, vector.subarray(0, 1001));
    uploads.sum.fold(1, 5000, vector.subarray(5000));
    await uploads.expectExact([1]);
  });

  it('is given once, takes nothing afterwards, and refuses a survivor without a whole file', async () => {
    const uploads = await uploadsOf([1, 2]);
    await uploads.sendAll(1);
    await uploads.expectExact([1]);
    await uploads.sendAll(2);
    await expect(uploads.sum.complete([1], uploads.files)).rejects.toThrow(RangeError);
    const other = await uploadsOf([1, 2]);
    await other.sendAll(1);
    await other.send(2, 1000);
    await expect(other.sum.complete([1, 2], other.files)).rejects.toThrow(RangeError);
    const dropped = await uploadsOf([1]);
    dropped.sum.drop();
    await dropped.sendAll(1);
    await dropped.discard(1);
    await expect(dropped.sum.complete([], dropped.files)).rejects.toThrow(RangeError);
  });
});
