import { describe, expect, it } from 'vitest';
import { type AdapterMode, adapterManifest } from './adapter.ts';
import { architectureAround, architectureOf } from './architecture.ts';
import { jobNames } from './jobs/index.ts';
import { manifestFor } from './manifestFor.ts';
import { partsOf } from './partsOf.ts';
import { lengthOf, type Trained, trainedSegments } from './segments.ts';
import { trainingModeSchema } from './trainingMode.ts';

const whole = [[], ['head'], ['embedder', 'head']];
const modes = [
  { kind: 'full' },
  { kind: 'headOnly' },
  ...whole.flatMap((alsoTrain) => ['lora', 'roLora'].map((kind) => ({ kind, alsoTrain }))),
];

describe('partsOf', () => {
  it.each(modes.map((mode) => [JSON.stringify(mode), mode] as const))(
    'of %s names each segment once, the same in every round and for every job',
    (_, settings) => {
      const mode = trainingModeSchema.parse(settings);
      const architecture = architectureAround(architectureOf('nano').encoder, jobNames, {
        vocabularySize: 10,
        pooling: 'mean',
      });
      for (const job of jobNames) {
        const trained: Trained = { mode, job };
        const manifest =
          mode.kind === 'full'
            ? manifestFor(architecture)
            : adapterManifest(architecture, { mode: mode as AdapterMode, job });
        const [first, second] = [1, 2].map((round) => partsOf(trainedSegments(manifest, trained, round)));
        expect(first).toEqual(second);
        expect(new Set(first!.map(({ name }) => name)).size).toBe(first!.length);
        const numbers = first!.reduce((sum, { length }) => sum + length, 0);
        expect(numbers).toBe(lengthOf(trainedSegments(manifest, trained, 1)));
      }
    },
  );

  it('makes one part of pieces of a segment that follow each other in the sent vector', () => {
    const pieces = [
      { name: 'encoder', offset: 0, length: 3 },
      { name: 'encoder', offset: 9, length: 2 },
      { name: 'head', offset: 20, length: 4 },
    ] as const;
    expect(partsOf(pieces)).toEqual([
      { name: 'encoder', length: 5 },
      { name: 'head', length: 4 },
    ]);
  });
});
