import { closeSync, openSync, readSync } from 'node:fs';
import { copyFile, open, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { setImmediate } from 'node:timers/promises';
import {
  type Contribution,
  type MaskedVector,
  maskedTiles,
  quantisedTiles,
  type UpdateSource,
  weightOf,
} from '@hansa/aggregation/secagg/encoding';
import { strategyReport, updateScale } from '@hansa/aggregation/strategy';
import { equalBytes, sha256 } from '@hansa/shared/crypto';
import { HansaError } from '@hansa/shared/errors';
import { lengthOf, partsOf, type Trained, trainedSegments } from '@hansa/shared/model';
import { readHeaderOfFile } from '@hansa/shared/numeric';
import { type Plan, type StrategySettings, strategyParts } from '@hansa/shared/protocol';
import type { SecAggConfig } from '@hansa/shared/protocol/secagg';
import { makeFolder, writing } from '../ledger/files.ts';
import type { TrainResult } from '../trainer/index.ts';

/** Tiles of 64 KiB that are masked before other work of this process gets its turn: some milliseconds. */
const TILES_A_TURN = 8;

/** Refuses a model or adapter whose tensors are not those that the set-up was made for. @throws HansaError ModelMismatch, InvalidModelFile */
export async function checkModel(
  path: string,
  config: SecAggConfig,
  trained: Trained & { readonly strategy: StrategySettings },
  round: number,
): Promise<void> {
  const header = await readHeaderOfFile(path);
  // The bytes before the data tell architecture, mode and tensors, and every model of a task shares them.
  if (!equalBytes(sha256(header.headerBytes), config.architectureHash)) {
    throw new HansaError('ModelMismatch', "The round's model is not of the architecture that its set-up was made for.");
  }
  const segments = trainedSegments(header.manifest, trained, round);
  const length = lengthOf(segments);
  const extra = strategyParts(trained.strategy, length);
  const updateParts = config.parts.slice(0, config.parts.length - extra.length);
  if (
    length !== updateParts.reduce((sum, part) => sum + part.length, 0) ||
    textOf(config.parts.slice(updateParts.length)) !== textOf(extra)
  ) {
    throw new HansaError(
      'ModelMismatch',
      `Round ${round} trains ${[`${length} numbers`, ...extra.map(({ name }) => `as many for ${name}`)].join(' and ')}, and its set-up was made for ${textOf(config.parts)}.`,
    );
  }
  // One part is the whole update; several are the segments. A cut of any other kind would clip, and tell apart, what nobody agreed to.
  const parts = partsOf(segments);
  const isWhole = updateParts.length === 1;
  if (isWhole || textOf(updateParts) === textOf(parts)) return;
  throw new HansaError(
    'ModelMismatch',
    `Round ${round} trains ${textOf(parts)}, and its set-up was made for ${textOf(updateParts)}.`,
  );
}

const textOf = (parts: readonly { readonly name: string; readonly length: number }[]): string =>
  parts.map(({ name, length }) => `${name} (${length})`).join(', ');

/** What a node puts into the sum, read from its update's file. */
export interface OpenContribution {
  readonly contribution: Contribution;
  /** Closes the file. */
  close(): void;
}

/** What this node puts into the sum, for the update in `updateFile`; `seed` is the round's rotation seed. */
export function openContribution(
  updateFile: string,
  config: SecAggConfig,
  plan: Plan,
  result: TrainResult,
  seed: Uint8Array,
): OpenContribution {
  const descriptor = openSync(updateFile, 'r');
  const weight = config.weighting === 'uniform' ? config.weightMax : weightOf(plan.weighting, result.examples);
  const { strategy, training } = plan;
  const steps = result.stepsInUpdate;
  const contribution: Contribution = {
    config,
    update: scaled(fileSource(descriptor, config.vectorLength), updateScale(strategy, training.steps, steps)),
    weight,
    tail: {
      loss: result.trainLoss,
      validationLoss: result.validationLoss,
      ...result.metrics,
      ...strategyReport(weight, steps),
    },
    rotationSeed: seed,
  };
  return { contribution, close: () => closeSync(descriptor) };
}

/**
 * Masks a contribution into a file, forced to disk, and overwrites the sum of the masks, whatever comes of it.
 *
 * @throws HansaError StorageFull
 * @throws the signal's reason
 */
export async function maskToFile(
  contribution: Contribution,
  maskSum: Uint8Array,
  path: string,
  signal: AbortSignal,
): Promise<MaskedVector> {
  try {
    return await writeTiles(maskedTiles(contribution, maskSum), path, signal);
  } finally {
    maskSum.fill(0);
  }
}

/** Keeps a round's quantised update and masked vector in `folder` (training.keepUpdates). They never leave the node. */
export async function keepUpdate(
  contribution: Contribution,
  maskedFile: string,
  folder: string,
  name: string,
  signal: AbortSignal,
): Promise<void> {
  await makeFolder(folder);
  const words = `u${contribution.config.wordBits}`;
  const quantised = join(folder, `${name}.${words}`);
  const masked = join(folder, `${name}.masked.${words}`);
  await writeTiles(quantisedTiles(contribution), `${quantised}.tmp`, signal);
  await writing(masked, async () => {
    await copyFile(maskedFile, `${masked}.tmp`);
    await rename(`${masked}.tmp`, masked);
    await rename(`${quantised}.tmp`, quantised);
  });
}

/**
 * Writes a vector into a file, forced to disk; nothing is left of it where that fails.
 *
 * @throws HansaError StorageFull
 * @throws the signal's reason
 */
export async function writeTiles(
  tiles: Generator<Uint8Array, MaskedVector, void>,
  path: string,
  signal: AbortSignal,
): Promise<MaskedVector> {
  try {
    return await writing(path, async () => {
      const file = await open(path, 'w', 0o600);
      try {
        for (let turn = 1; ; turn++) {
          const next = tiles.next();
          if (next.done) {
            await file.sync();
            return next.value;
          }
          await file.appendFile(next.value);
          if (turn % TILES_A_TURN === 0) await setImmediate();
          signal.throwIfAborted();
        }
      } finally {
        await file.close();
      }
    });
  } catch (error) {
    await rm(path, { force: true }).catch(() => undefined);
    throw error;
  }
}

const scaled = (source: UpdateSource, factor: number): UpdateSource =>
  factor === 1
    ? source
    : { ...source, read: (start, count) => source.read(start, count).map((value) => value * factor) };

function fileSource(descriptor: number, length: number): UpdateSource {
  let tile = new Float32Array(0);
  return {
    length,
    read(start, count) {
      if (tile.length < count) tile = new Float32Array(count);
      const bytes = new Uint8Array(tile.buffer, 0, count * 4);
      let done = 0;
      while (done < bytes.length) {
        const read = readSync(descriptor, bytes, done, bytes.length - done, start * 4 + done);
        if (read === 0)
          throw new HansaError('TrainingFailed', 'The update file is shorter than the model: training went wrong.');
        done += read;
      }
      return tile.subarray(0, count);
    },
  };
}
