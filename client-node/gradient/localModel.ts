import { HansaError } from '@hansa/shared/errors';
import {
  type AdapterMode,
  assertAdapterOf,
  frozenFactors,
  gather,
  isIn,
  type JobName,
  loraScale,
  placeOf,
  type Segment,
  trainedSegments,
  WORD_EMBEDDINGS,
} from '@hansa/shared/model';
import { elementCount, layOut, type Manifest, parameterCount } from '@hansa/shared/numeric';
import type { JobData } from '../jobs/job.ts';
import { jobSource } from '../jobs/sources.ts';
import { type Model, readBaseModel, readModelFile, readWeights } from '../model/modelFile.ts';
import { type FrozenWeights, release } from './frozenWeights.ts';
import type { ModelShape } from './gradient.ts';

/** Where a task's weights lie. */
export interface ModelFiles {
  /** What the rounds pass around (safetensors): a model, or an adapter. */
  readonly modelFile: string;
  /** The job that the task trains. */
  readonly job: JobName;
  /** Where it is an adapter: the model it belongs to, and the plan's mode and seed. */
  readonly adapter?: { readonly baseModelFile: string; readonly mode: AdapterMode; readonly seed: number } | undefined;
}

/** What one round trains of a task's weights, ready for the engine. */
export interface TrainedPart {
  readonly shape: ModelShape;
  /** The trained numbers in the order of the segments; a view of the vector that the part was made of where they lie in one piece. */
  readonly weights: Float32Array;
  /** What is trained of the vector of the task's file. */
  readonly segments: readonly Segment[];
  /** Lets go of what it holds on the engine. */
  dispose(): void;
}

/** A task's weights on this node. What is frozen lies on the engine until `dispose`. */
export interface LocalModel {
  /** Every number of the file that the rounds pass around, in its order. */
  readonly vector: Float32Array;
  /** The most memory that it took to read it, beside the engine's. */
  readonly readBytes: number;
  /**
   * Reads another file of the same task.
   *
   * @throws HansaError NotFound, InvalidModelFile
   */
  read(path: string): Promise<Float32Array>;
  /** The part that round `round`, from 1, trains; the rest of `vector` stays as it is. */
  part(vector: Float32Array, round: number): TrainedPart;
  dispose(): void;
}

/**
 * Reads a task's weights.
 *
 * @param data what they are to be used on
 * @throws HansaError NotFound, InvalidModelFile (which name the path)
 * @throws HansaError PolicyRefused (when the data does not serve a model of this architecture)
 */
export async function openLocalModel(
  { modelFile, job, adapter }: ModelFiles,
  data?: Pick<JobData, 'report' | 'readsWords'>,
): Promise<LocalModel> {
  if (adapter === undefined) return wholeModel(modelFile, job, data);
  const { baseModelFile, mode, seed } = adapter;
  const base = await readBaseModel(baseModelFile);
  const { architecture } = base;
  const words = wordsFor(base, job, data);
  const read = (path: string) => readWeights(path, (header) => assertAdapterOf(header, base, { mode, job }, seed));
  const { manifest, vector } = await read(modelFile);
  const inAdapter = new Set(manifest.map(({ name }) => name));
  const untouched = frozenOf(
    base.manifest.filter(({ name }) => isUsed(name, job) && !inAdapter.has(name)),
    base.vector,
  );
  const factors = frozenFactors(architecture, mode, seed).map(
    ({ name, shape, values }): FrozenWeights => ({ manifest: layOut([{ name, shape }]), vector: values }),
  );
  const held = [untouched, ...factors].reduce(
    (sum, { vector }) => sum + vector.byteLength,
    vector.byteLength + bytesOf(words),
  );
  return {
    vector,
    readBytes: base.vector.byteLength + held,
    read: async (path) => (await read(path)).vector,
    part(vector, round) {
      const segments = trainedSegments(manifest, { mode, job }, round);
      const isTrained = isIn(segments);
      const others = frozenOf(
        manifest.filter((entry) => !isTrained(entry)),
        vector,
      );
      return {
        shape: {
          architecture,
          manifest: layOut(manifest.filter(isTrained)),
          job,
          frozen: [untouched, ...factors, others],
          words,
          loraScale: loraScale(mode),
        },
        weights: gather(vector, segments),
        segments,
        dispose: () => release(others),
      };
    },
    dispose: () => [untouched, ...factors].forEach(release),
  };
}

async function wholeModel(
  modelFile: string,
  job: JobName,
  data: Pick<JobData, 'report' | 'readsWords'> | undefined,
): Promise<LocalModel> {
  const model = await readModelFile(modelFile);
  const { architecture, manifest, vector } = model;
  const words = wordsFor(model, job, data);
  return {
    vector,
    readBytes: vector.byteLength + bytesOf(words),
    async read(path) {
      const other = await readModelFile(path);
      if (JSON.stringify(other.architecture) === JSON.stringify(architecture)) return other.vector;
      throw new HansaError('InvalidModelFile', `${path}: It has another architecture than ${modelFile}.`);
    },
    part: (vector, round) => {
      const segments = trainedSegments(manifest, { mode: { kind: 'full' }, job }, round);
      return {
        shape: { architecture, job, manifest: layOut(manifest.filter(isIn(segments))), words },
        weights: gather(vector, segments),
        segments,
        dispose: () => undefined,
      };
    },
    dispose: () => undefined,
  };
}

/**
 * The word embeddings, in memory that threads can share, where the data names words of them.
 *
 * @throws HansaError PolicyRefused (when the data does not serve the model)
 */
function wordsFor(
  { architecture, manifest, vector }: Model,
  job: JobName,
  data: Pick<JobData, 'report' | 'readsWords'> | undefined,
): Float32Array | undefined {
  const refusal = data && jobSource(job).modelRefusal?.(architecture, data.report);
  if (refusal !== undefined) throw new HansaError('PolicyRefused', `This node does not take part: ${refusal}.`);
  const table = manifest.filter(({ name }) => name === WORD_EMBEDDINGS);
  return data?.readsWords && table.length > 0 ? frozenOf(table, vector).vector : undefined;
}

const bytesOf = (words: Float32Array | undefined): number => words?.byteLength ?? 0;

/** Whether a job trains or computes with a tensor on the engine: neither the words nor what belongs to other jobs. */
function isUsed(name: string, job: JobName): boolean {
  const place = placeOf(name);
  return place !== undefined && place.segment !== 'words' && (place.job ?? job) === job;
}

/** Some tensors of a vector, in a vector of their own, which threads can share. */
function frozenOf(manifest: Manifest, vector: Float32Array): FrozenWeights {
  const laidOut = layOut(manifest);
  const own = new Float32Array(new SharedArrayBuffer(4 * parameterCount(laidOut)));
  manifest.forEach(({ offset, shape }, index) => {
    own.set(vector.subarray(offset, offset + elementCount(shape)), laidOut[index]!.offset);
  });
  return { manifest: laidOut, vector: own };
}
