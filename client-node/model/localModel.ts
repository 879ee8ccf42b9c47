import { HansaError } from '@hansa/shared/errors';
import {
  type AdapterMode,
  assertAdapterOf,
  frozenFactors,
  loraScale,
  trainedRange,
  type VectorRange,
  WORD_EMBEDDINGS,
} from '@hansa/shared/model';
import { elementCount, layOut, type Manifest, parameterCount, type TensorEntry } from '@hansa/shared/numeric';
import type { Calendar } from './demandInputs.ts';
import { type FrozenWeights, release } from './frozenWeights.ts';
import type { ModelShape } from './gradient.ts';
import { readBaseModel, readModelFile, readWeights } from './modelFile.ts';

/** Where a task's weights lie. */
export interface ModelFiles {
  /** What the rounds pass around (safetensors): a model, or an adapter. */
  readonly modelFile: string;
  /** Where it is an adapter: the model it belongs to, and the plan's mode and seed. */
  readonly adapter?: { readonly baseModelFile: string; readonly mode: AdapterMode; readonly seed: number } | undefined;
}

/** What one round trains of a task's weights, ready for the engine. */
export interface TrainedPart {
  readonly shape: ModelShape;
  /** The trained numbers; a view of the vector that the part was made of. */
  readonly weights: Float32Array;
  /** Where the trained tensors lie in the vector of the task's file. */
  readonly range: VectorRange;
  /** Lets go of what it holds on the engine. */
  dispose(): void;
}

/** A task's weights on this node. What is frozen lies on the engine until `dispose`. */
export interface LocalModel {
  /** Every number of the file that the rounds pass around, in its order. */
  readonly vector: Float32Array;
  /** The most memory that it took to read it, beside the engine's. */
  readonly readBytes: number;
  /** Reads another file of the same task. Throws HansaError NotFound or InvalidModelFile. */
  read(path: string): Promise<Float32Array>;
  /** The part that round `round`, from 1, trains; the rest of `vector` stays as it is. */
  part(vector: Float32Array, round: number): TrainedPart;
  dispose(): void;
}

/** Reads a task's weights. Throws HansaError NotFound or InvalidModelFile, which name the path. */
export async function openLocalModel({ modelFile, adapter }: ModelFiles, calendar: Calendar): Promise<LocalModel> {
  if (adapter === undefined) return wholeModel(modelFile, calendar);
  const { baseModelFile, mode, seed } = adapter;
  const base = await readBaseModel(baseModelFile);
  const { architecture } = base;
  const read = (path: string) => readWeights(path, (header) => assertAdapterOf(header, base, mode, seed));
  const { manifest, vector } = await read(modelFile);
  const inAdapter = new Set(manifest.map(({ name }) => name));
  const untouched = frozenOf(
    base.manifest.filter(({ name }) => name !== WORD_EMBEDDINGS && !inAdapter.has(name)),
    base.vector,
  );
  const factors = frozenFactors(architecture, mode, seed).map(
    ({ name, shape, values }): FrozenWeights => ({ manifest: layOut([{ name, shape }]), vector: values }),
  );
  const held = [untouched, ...factors].reduce((sum, { vector }) => sum + vector.byteLength, vector.byteLength);
  return {
    vector,
    readBytes: base.vector.byteLength + held,
    read: async (path) => (await read(path)).vector,
    part(vector, round) {
      const range = trainedRange(manifest, mode, round);
      const isTrained = ({ offset }: TensorEntry) => offset >= range.offset && offset < range.offset + range.length;
      const others = frozenOf(
        manifest.filter((entry) => !isTrained(entry)),
        vector,
      );
      return {
        shape: {
          architecture,
          manifest: layOut(manifest.filter(isTrained)),
          calendar,
          frozen: [untouched, ...factors, others],
          loraScale: loraScale(mode),
        },
        weights: vector.subarray(range.offset, range.offset + range.length),
        range,
        dispose: () => release(others),
      };
    },
    dispose: () => [untouched, ...factors].forEach(release),
  };
}

async function wholeModel(modelFile: string, calendar: Calendar): Promise<LocalModel> {
  const { architecture, manifest, vector } = await readModelFile(modelFile);
  return {
    vector,
    readBytes: vector.byteLength,
    async read(path) {
      const other = await readModelFile(path);
      if (JSON.stringify(other.architecture) === JSON.stringify(architecture)) return other.vector;
      throw new HansaError('InvalidModelFile', `${path}: It has another architecture than ${modelFile}.`);
    },
    part: (vector, round) => {
      const range = trainedRange(manifest, { kind: 'full' }, round);
      return {
        shape: { architecture, manifest: layOut(manifest.filter(({ offset }) => offset >= range.offset)), calendar },
        weights: vector.subarray(range.offset, range.offset + range.length),
        range,
        dispose: () => undefined,
      };
    },
    dispose: () => undefined,
  };
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
