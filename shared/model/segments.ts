import { HansaError } from '@hansa/shared/errors';
import { elementCount, type Manifest } from '@hansa/shared/numeric';
import { type JobName, jobNames, jobTerms } from './jobs/index.ts';
import { CLS_EMBEDDING, WORD_EMBEDDINGS } from './manifestFor.ts';
import type { TrainingMode } from './trainingMode.ts';

/**
 * What a segment holds: the encoder with the CLS token, what turns a job's inputs into tokens, what turns tokens into its answers, or LoRA's factors.
 */
export const segmentNames = ['encoder', 'embedder', 'head', 'factors'] as const;
export type SegmentName = (typeof segmentNames)[number];

/** Where a tensor belongs; `job` is there where one job alone uses it. */
interface Place {
  readonly segment: SegmentName | 'words';
  readonly job?: JobName;
}

/** Where a tensor of a model or adapter belongs, by its name; undefined for a name that no model has. */
export function placeOf(name: string): Place | undefined {
  if (/\.lora_[AB]\.weight$/.test(name)) return { segment: 'factors' };
  if (name === WORD_EMBEDDINGS) return { segment: 'words' };
  if (name === CLS_EMBEDDING || isPublic(name)) return { segment: 'encoder' };
  for (const job of jobNames) {
    const { embedderPrefix, headPrefix } = jobTerms(job);
    // A job's own embedder may have its head's prefix and more.
    if (name.startsWith(embedderPrefix)) return { segment: 'embedder', job };
    if (name.startsWith(headPrefix)) return { segment: 'head', job };
  }
  return undefined;
}

/** Whether a tensor is one of those that public BERT weights have, words included. */
export const isPublic = (name: string): boolean => name.startsWith('bert.');

/** A named piece of a flat vector, in numbers. */
export interface Segment {
  readonly name: SegmentName;
  /** Place of its first number in the vector of the task's file. */
  readonly offset: number;
  readonly length: number;
}

/** What of a model a task trains. */
export interface Trained {
  readonly mode: TrainingMode;
  readonly job: JobName;
}

/**
 * The segments of a model or adapter file's vector that a round trains, sends and averages, in the vector's order. On the wire they follow each other
 * without gaps.
 *
 * A task touches the encoder and what its own job uses. The word embeddings, which no job trains, the tensors of other jobs and the factor that a round of
 * RoLoRA leaves alone are in no segment.
 *
 * @param manifest of the file
 * @param round counts from 1
 * @throws HansaError InvalidModelFile (when RoLoRA is to train factors that the file does not have)
 */
export function trainedSegments(manifest: Manifest, { mode, job }: Trained, round: number): readonly Segment[] {
  const frozenFactor = mode.kind !== 'roLora' ? undefined : round % 2 === 1 ? 'A' : 'B';
  if (mode.kind === 'roLora') assertFactors(manifest);
  const segments: { name: SegmentName; offset: number; length: number }[] = [];
  for (const { name, shape, offset } of manifest) {
    const place = placeOf(name);
    if (place === undefined || place.segment === 'words' || (place.job ?? job) !== job) continue;
    if (frozenFactor !== undefined && name.endsWith(`.lora_${frozenFactor}.weight`)) continue;
    const last = segments.at(-1);
    if (last?.name === place.segment && last.offset + last.length === offset) last.length += elementCount(shape);
    else segments.push({ name: place.segment, offset, length: elementCount(shape) });
  }
  return segments;
}

function assertFactors(manifest: Manifest): void {
  const has = (factor: string) => manifest.some(({ name }) => name.endsWith(`.lora_${factor}.weight`));
  if (has('A') && has('B')) return;
  throw new HansaError('InvalidModelFile', "The file has none of the factors that the task's mode roLora trains.");
}

/** Numbers in all segments: the length of the vector on the wire. */
export const lengthOf = (segments: readonly Segment[]): number => segments.reduce((sum, { length }) => sum + length, 0);

/** Whether a tensor lies in one of the segments. */
export const isIn =
  (segments: readonly Segment[]) =>
  ({ offset }: { readonly offset: number }): boolean =>
    segments.some((segment) => offset >= segment.offset && offset < segment.offset + segment.length);

/** The numbers of the segments, one after another, as on the wire: a view where they lie in one piece, otherwise a copy. */
export function gather(vector: Float32Array, segments: readonly Segment[]): Float32Array {
  const [first] = segments;
  const isOnePiece = segments.every(
    ({ offset, length }, index) => (segments[index + 1]?.offset ?? offset + length) === offset + length,
  );
  // A model is large: what lies in one piece is not copied.
  if (first !== undefined && isOnePiece) return vector.subarray(first.offset, first.offset + lengthOf(segments));
  const gathered = new Float32Array(lengthOf(segments));
  let at = 0;
  for (const { offset, length } of segments) {
    gathered.set(vector.subarray(offset, offset + length), at);
    at += length;
  }
  return gathered;
}

/** Writes numbers as `gather` gives them back into their places. */
export function scatter(gathered: Float32Array, segments: readonly Segment[], vector: Float32Array): void {
  let at = 0;
  for (const { offset, length } of segments) {
    vector.set(gathered.subarray(at, at + length), offset);
    at += length;
  }
}

/** A piece of the wire's vector and its place in the vector of the file. */
export interface Stretch {
  /** Place of its first number on the wire. */
  readonly start: number;
  /** Place of its first number in the file's vector. */
  readonly offset: number;
  readonly length: number;
}

/** The pieces of wire numbers `start` to `start + count`, each in one place of the file's vector. */
export function stretchesOf(segments: readonly Segment[], start: number, count: number): Stretch[] {
  const stretches: Stretch[] = [];
  let at = 0;
  for (const { offset, length } of segments) {
    const from = Math.max(start, at);
    const to = Math.min(start + count, at + length);
    if (from < to) stretches.push({ start: from, offset: offset + from - at, length: to - from });
    at += length;
  }
  return stretches;
}
