import { byteLengthOf } from '@hansa/aggregation/secagg/encoding';
import {
  adapterManifest,
  architectureOf,
  lengthOf,
  type ModelSize,
  manifestFor,
  type TrainingMode,
  trainedSegments,
  trainingModeSchema,
} from '@hansa/shared/model';
import type { BenchCase, BenchResult } from '../report.ts';

const LINE_BITS_PER_SECOND = 10e6;

const modes: Readonly<Record<string, TrainingMode>> = {
  full: trainingModeSchema.parse({ kind: 'full' }),
  'head only': trainingModeSchema.parse({ kind: 'headOnly' }),
  'LoRA rank 8 and head': trainingModeSchema.parse({ kind: 'lora', rank: 8 }),
  'LoRA rank 8': trainingModeSchema.parse({ kind: 'lora', rank: 8, alsoTrain: [] }),
};
const rings = [32, 16] as const;

/** What a member sends in a round: the masked vector of what its mode trains, in bytes and in seconds of a line of 10 Mbit/s. Nothing is timed. */
export function benchUploads({ sizes }: { sizes: readonly ModelSize[] }): BenchResult {
  const cases: BenchCase[] = [];
  const rows = [['model', 'trained', 'numbers', ...rings.flatMap((bits) => [`bytes (u${bits})`, 's at 10 Mbit/s'])]];
  for (const size of sizes) {
    for (const [name, mode] of Object.entries(modes)) {
      const architecture = architectureOf(size);
      const job = 'demand';
      const manifest = mode.kind === 'full' ? manifestFor(architecture) : adapterManifest(architecture, { mode, job });
      const vectorLength = lengthOf(trainedSegments(manifest, { mode, job }, 1));
      const row = [size, name, vectorLength.toLocaleString('en')];
      for (const wordBits of rings) {
        // A loss and a validation loss travel in the tail.
        const bytes = byteLengthOf({ vectorLength, wordBits, tail: [tailWord('loss'), tailWord('validationLoss')] });
        const seconds = (bytes * 8) / LINE_BITS_PER_SECOND;
        row.push(bytes.toLocaleString('en'), seconds < 1 ? seconds.toFixed(3) : seconds.toFixed(1));
        cases.push({ name: `${size}/${name}/u${wordBits}`, value: bytes, unit: 'B' });
        cases.push({ name: `${size}/${name}/u${wordBits}, at 10 Mbit/s`, value: seconds, unit: 's' });
      }
      rows.push(row);
    }
  }
  const widths = rows[0]!.map((_, column) => Math.max(...rows.map((row) => row[column]!.length)));
  for (const row of rows) {
    const cells = row.map((cell, column) =>
      column < 2 ? cell.padEnd(widths[column]!) : cell.padStart(widths[column]!),
    );
    process.stderr.write(`${cells.join('  ')}\n`);
  }
  return { cases };
}

const tailWord = (name: string) => ({ name, low: 0, high: 100, steps: 1000 });
