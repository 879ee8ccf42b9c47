import { HansaError } from '@hansa/shared/errors';
import { elementCount, type Manifest } from '@hansa/shared/numeric';
import { type JobName, jobNames, jobTerms } from './jobs/index.ts';
import { CLS_EMBEDDING, WORD_EMBEDDINGS } from './manifestFor.ts';
import type { TrainingMode } from './trainingMode.ts';

/**
 * What a segment holds: the encoder with the CLS token, a job's embedder (inputs to tokens), a job's head (tokens to answers), or LoRA's factors.
 */
export const segmentNames = ['encoder', 'embedder', 'head', 'factors'] as const;
export type SegmentName = (typeof segmentNames)[number];

/** Where a tensor belongs; `job` is set where only one job uses it. */
interface Place {
  readonly segment: SegmentName | 'words';
  readonly job?: JobName;
}

/** Where the tensor with this name belongs in a model or adapter; undefined for a name that no model has. */
export function placeOf(name: string): Place | undefined {
  if (/\.lora_[AB]\.weight$/.test(name)) return { segment: 'factors' };
  if (name === WORD_EMBEDDINGS) return { segment: 'words' };
  if (name === CLS_EMBEDDING || isPublic(name)) return { segment: 'encoder' };
  for (const job of jobNames) {
    const { embedderPrefix, headPrefix } = jobTerms(job);
    // An embedder's prefix may begin with its head's prefix: look for the embedder first.
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

/** What a task trains of a model. */
export interface Trained {
  readonly mode: TrainingMode;
  readonly job: JobName;
}

/**
 * The segments of a model or adapter file's vector that a round trains, sends and averages, in the vector's order. A node sends them one after another
 * without gaps: the sent vector.
 *
 * A task touches the encoder and what its own job uses. The word embeddings, which no job trains, the tensors of other jobs and the factor that a round of
 * RoLoRA does not train are in no segment.
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

/** Numbers in all segments: the length of the sent vector. */
export const lengthOf = (segments: readonly Segment[]): number => segments.reduce((sum, { length }) => sum + length, 0);

/** Whether a tensor is in one of the segments. */
export const isIn =
  (segments: readonly Segment[]) =>
  ({ offset }: { readonly offset: number }): boolean =>
    segments.some((segment) => offset >= segment.offset && offset < segment.offset + segment.length);

/** The numbers of the segments, one after another, as a node sends them: a view where they are contiguous, otherwise a copy. */
export function gather(vector: Float32Array, segments: readonly Segment[]): Float32Array {
  const [first] = segments;
  const isOnePiece = segments.every(
    ({ offset, length }, index) => (segments[index + 1]?.offset ?? offset + length) === offset + length,
  );
  // A model is large: contiguous segments are not copied.
  if (first !== undefined && isOnePiece) return vector.subarray(first.offset, first.offset + lengthOf(segments));
  const gathered = new Float32Array(lengthOf(segments));
  let at = 0;
  for (const { offset, length } of segments) {
    gathered.set(vector.subarray(offset, offset + length), at);
    at += length;
  }
  return gathered;
}

/** Writes numbers in the order of `gather` back to their places. */
export function scatter(gathered: Float32Array, segments: readonly Segment[], vector: Float32Array): void {
  let at = 0;
  for (const { offset, length } of segments) {
    vector.set(gathered.subarray(at, at + length), offset);
    at += length;
  }
}

/** A piece of the sent vector and its place in the vector of the file. */
export interface Stretch {
  /** Place of its first number in the sent vector. */
  readonly start: number;
  /** Place of its first number in the file's vector. */
  readonly offset: number;
  readonly length: number;
}

/** The pieces that numbers `start` to `start + count` of the sent vector make, each contiguous in the file's vector. */
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
