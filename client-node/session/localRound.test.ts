import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { ClippedPart } from '@hansa/aggregation/secagg/encoding';
import type { StrategySettings } from '@hansa/shared/protocol';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { checkModel } from './localRound.ts';
import { SessionLeague } from './testing/sessionLeague.ts';

const cut = (...parts: [string, number, number][]): readonly ClippedPart[] =>
  parts.map(([name, length, clipNorm]) => ({ name, length, clipNorm }));

const segments = cut(['encoder', 104_384, 0.01], ['embedder', 21_376, 1], ['head', 12_564, 0.02]);
const whole = { mode: { kind: 'full' }, job: 'demand' } as const;

describe('a round whose segments have clips of their own', () => {
  let league: SessionLeague;
  afterEach(() => league.end());

  it('gives the plain sum of the segments, each clipped alone, to half a step of each member', async () => {
    league = await new SessionLeague({ size: 5, config: { parts: segments } }).prepare();
    await league.assemble();
    expect((await league.runRound()).phase).toBe('committed');
    let start = 0;
    for (const { name, length, clipNorm, scaleLog2 } of league.config.parts) {
      const pieces = league.nodes.map((_, node) => league.updateOf(node).subarray(start, start + length));
      const norms = pieces.map((piece) => Math.sqrt(piece.reduce((sum, value) => sum + value * value, 0)));
      expect(
        norms.every((norm) => norm > clipNorm),
        name,
      ).toBe(name !== 'embedder');
      let largest = 0;
      for (let at = 0; at < length; at++) {
        const plain = pieces.reduce((sum, piece, node) => sum + piece[at]! * Math.min(1, clipNorm / norms[node]!), 0);
        largest = Math.max(largest, Math.abs(league.sum![start + at]! - 2 ** scaleLog2 * plain));
      }
      expect(largest, name).toBeLessThanOrEqual((5 / 2) * (1 + 1e-3));
      start += length;
    }
    expect(start).toBe(league.config.vectorLength);
  });
});

const fedAvg: StrategySettings = { name: 'fedAvg', serverLearningRate: 1 };
const scaffold: StrategySettings = { name: 'scaffold', serverLearningRate: 1, controlClipNorm: 2 };

describe('checkModel', () => {
  let folder: string;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'hansa-round-'));
  });
  afterEach(() => rmSync(folder, { recursive: true }));

  const check = async (parts: readonly ClippedPart[], strategy: StrategySettings = fedAvg) => {
    const league = new SessionLeague({ size: 5, config: { parts } });
    const file = join(folder, 'model.safetensors');
    writeFileSync(file, league.blobs.get(league.modelHash)!);
    await checkModel(file, league.config, { ...whole, strategy }, 1);
  };

  it('takes a set-up that clips the update as a whole, and one that clips its segments', async () => {
    await expect(check(cut(['update', 138_324, 4]))).resolves.toBeUndefined();
    await expect(check(segments)).resolves.toBeUndefined();
  });

  it('takes the control variates of SCAFFOLD behind the update, as long as it, and refuses them elsewhere', async () => {
    const update = cut(['update', 138_324, 4]);
    for (const before of [update, segments])
      await expect(check([...before, ...cut(['control', 138_324, 2])], scaffold)).resolves.toBeUndefined();
    for (const [parts, strategy] of [
      [[...update, ...cut(['control', 138_324, 2])], fedAvg],
      [update, scaffold],
      [[...update, ...cut(['control', 138_323, 2])], scaffold],
      [[...update, ...cut(['other', 138_324, 2])], scaffold],
      [[...cut(['control', 138_324, 2]), ...update], scaffold],
    ] as const)
      await expect(check(parts, strategy)).rejects.toMatchObject({ code: 'ModelMismatch' });
  });

  it.each([
    ['between other numbers', cut(['encoder', 104_383, 1], ['embedder', 21_377, 1], ['head', 12_564, 1])],
    ['in another order', cut(['embedder', 21_376, 1], ['encoder', 104_384, 1], ['head', 12_564, 1])],
    ['under other names', cut(['encoder', 104_384, 1], ['embedder', 21_376, 1], ['tail', 12_564, 1])],
    ['into fewer pieces', cut(['encoder', 104_384, 1], ['head', 33_940, 1])],
    ['into more', cut(['encoder', 104_384, 1], ['embedder', 21_376, 1], ['head', 12_000, 1], ['more', 564, 1])],
  ])('refuses one that cuts the update %s', async (_, parts) => {
    await expect(check(parts)).rejects.toMatchObject({
      code: 'ModelMismatch',
      message: expect.stringContaining(
        'Round 1 trains encoder (104384), embedder (21376), head (12564), and its set-up',
      ),
    });
  });
});
