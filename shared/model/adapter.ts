import { HansaError } from '@hansa/shared/errors';
import {
  elementCount,
  encodeFile,
  layOut,
  type Manifest,
  parameterCount,
  type SafetensorsHeader,
  type TensorEntry,
} from '@hansa/shared/numeric';
import { seededNumbers } from '@hansa/shared/random';
import { type Architecture, architectureSchema } from './architecture.ts';
import { jobNames } from './jobs/index.ts';
import { manifestFor } from './manifestFor.ts';
import { placeOf, type SegmentName, type Trained } from './segments.ts';
import { adaptedMatrices, factorNames, isLora, type TrainingMode, trainingModeSchema } from './trainingMode.ts';

/** A mode that trains a part of the model: its rounds exchange adapters, and every member holds the base model. */
export type AdapterMode = Exclude<TrainingMode, { kind: 'full' }>;

/** What a task trains of a model, in such a mode. */
export interface AdapterTrained extends Trained {
  readonly mode: AdapterMode;
}

/**
 * The tensors of an adapter file: what the rounds of a task train, in the order of the flat vector.
 *
 * For RoLoRA both factors come first, B then A, then what is trained whole, so that every round sends its segments in the same order. Both factors have
 * the same length, because nodes pin a task's configuration, with the length of its vector and parts, for all rounds.
 *
 * @throws HansaError InvalidTask (when the mode names a block that the model does not have, or RoLoRA matrices whose factors differ in size)
 */
export function adapterManifest(architecture: Architecture, { mode, job }: AdapterTrained): Manifest {
  const base = manifestFor(architecture);
  const whole = (segments: readonly SegmentName[]) =>
    base.filter(({ name }) => {
      const place = placeOf(name);
      return place?.job === job && segments.some((segment) => segment === place.segment);
    });
  if (mode.kind === 'headOnly') return layOut(whole(['head']));
  const missing = mode.layers?.find((layer) => layer >= architecture.encoder.layers);
  if (missing !== undefined) {
    throw new HansaError(
      'InvalidTask',
      `plan.mode.layers names block ${missing}; the model has ${architecture.encoder.layers}, numbered from 0.`,
    );
  }
  const matrices = adaptedMatrices(architecture, mode).map((matrix) => {
    const [outputs, inputs] = base.find(({ name }) => name === `${matrix}.weight`)!.shape as [number, number];
    return { ...factorNames(matrix), outputs, inputs };
  });
  const sizeOf = (side: 'outputs' | 'inputs') => matrices.reduce((sum, matrix) => sum + matrix[side], 0);
  if (mode.kind === 'roLora' && sizeOf('outputs') !== sizeOf('inputs')) {
    throw new HansaError(
      'InvalidTask',
      'plan.mode.targets of roLora must name "intermediate" and "output" together or neither: its odd and even rounds send vectors of one length.',
    );
  }
  return layOut([
    ...matrices.map(({ b, outputs }) => ({ name: b, shape: [outputs, mode.rank] })),
    ...(mode.kind === 'roLora' ? matrices.map(({ a, inputs }) => ({ name: a, shape: [mode.rank, inputs] })) : []),
    ...whole(mode.alsoTrain),
  ]);
}

/** The model that an adapter belongs to. */
export interface BaseModel {
  readonly architecture: Architecture;
  /** SHA-256 of its file, hexadecimal: a plan's `baseModelHash`. */
  readonly sha256: string;
}

/** A [rank, in] of one matrix, from the task's seed: normal with standard deviation 1/√in, cut at two of them, so that A·x is of the size of x's numbers. */
export function seededFactor(matrix: string, shape: readonly number[], seed: number): Float32Array {
  const numbers = seededNumbers(`lora/${seed}/${matrix}`);
  const scale = 1 / Math.sqrt(shape[1]!);
  return Float32Array.from({ length: elementCount(shape) }, () => scale * numbers.truncatedNormal());
}

/** The frozen A of every adapted matrix, by its tensor's name; none where the task's file holds them. */
export function frozenFactors(
  architecture: Architecture,
  mode: AdapterMode,
  seed: number,
): { name: string; shape: readonly number[]; values: Float32Array }[] {
  if (mode.kind !== 'lora') return [];
  const base = manifestFor(architecture);
  return adaptedMatrices(architecture, mode).map((matrix) => {
    const shape = [mode.rank, base.find(({ name }) => name === `${matrix}.weight`)!.shape[1]!];
    return { name: factorNames(matrix).a, shape, values: seededFactor(matrix, shape, seed) };
  });
}

/**
 * The adapter file that round 1 of a task starts from: B is 0, so that it changes nothing; what is trained whole starts as in the base model.
 *
 * @param read a tensor of the base model
 */
export async function initialAdapter(
  base: BaseModel,
  trained: AdapterTrained,
  seed: number,
  read: (entry: TensorEntry) => Promise<Float32Array>,
): Promise<Uint8Array> {
  const manifest = adapterManifest(base.architecture, trained);
  const whole = new Map(manifestFor(base.architecture).map((entry) => [entry.name, entry]));
  const vector = new Float32Array(parameterCount(manifest));
  for (const { name, shape, offset } of manifest) {
    const entry = whole.get(name);
    if (entry !== undefined) vector.set(await read(entry), offset);
    else if (name.endsWith('.lora_A.weight')) {
      vector.set(seededFactor(name.slice(0, -'.lora_A.weight'.length), shape, seed), offset);
    }
  }
  return encodeFile(manifest, adapterMetadata(base, trained, seed), vector);
}

/** The metadata of an adapter file: what it takes to merge it into its base model, and into no other. */
function adapterMetadata(
  { architecture, sha256 }: BaseModel,
  { mode, job }: AdapterTrained,
  seed: number,
): Record<string, string> {
  return {
    seed: String(seed),
    job,
    format: 'hansa-adapter',
    baseModelHash: sha256,
    architecture: JSON.stringify(architectureSchema.parse(architecture)),
    mode: JSON.stringify(trainingModeSchema.parse(mode)),
  };
}

/**
 * What an adapter file declares in its metadata.
 *
 * @throws HansaError InvalidModelFile (when it is not an adapter, is not for this base model, or its tensors are not those it declares)
 */
export function adapterOfHeader(
  header: SafetensorsHeader,
  base: BaseModel,
): AdapterTrained & { readonly seed: number } {
  assertBaseOf(header, base);
  const { mode: text = '', seed = '' } = header.metadata;
  const job = jobNames.find((name) => name === header.metadata.job);
  let mode: TrainingMode | undefined;
  try {
    mode = trainingModeSchema.parse(JSON.parse(text));
  } catch {
    mode = undefined;
  }
  if (mode === undefined || mode.kind === 'full' || job === undefined || !/^\d{1,10}$/.test(seed)) {
    throw new HansaError(
      'InvalidModelFile',
      `The adapter's metadata (mode, job, seed) is malformed. ${TAKE_THE_TASKS_FILE}`,
    );
  }
  assertAdapterOf(header, base, { mode, job }, Number(seed));
  return { mode, job, seed: Number(seed) };
}

/**
 * Refuses a file that is not exactly the adapter of this base model, mode, job and seed: same metadata, same tensors in the same order.
 *
 * @throws HansaError InvalidModelFile
 */
export function assertAdapterOf(
  header: SafetensorsHeader,
  base: BaseModel,
  trained: AdapterTrained,
  seed: number,
): void {
  assertBaseOf(header, base);
  const expected = adapterMetadata(base, trained, seed);
  const manifest = adapterManifest(base.architecture, trained);
  const isSame =
    Object.entries(expected).every(([key, value]) => header.metadata[key] === value) &&
    header.manifest.length === manifest.length &&
    manifest.every(({ name, shape, offset }, index) => {
      const found = header.manifest[index]!;
      return found.name === name && found.offset === offset && found.shape.join() === shape.join();
    });
  if (isSame) return;
  throw new HansaError(
    'InvalidModelFile',
    `The adapter is of this base model, but not the one for mode "${trained.mode.kind}", job "${trained.job}" and seed ${seed}. ${TAKE_THE_TASKS_FILE}`,
  );
}

const TAKE_THE_TASKS_FILE = "Take the file as the task's coordinator has it.";

function assertBaseOf({ metadata }: SafetensorsHeader, { sha256 }: BaseModel): void {
  const { format, baseModelHash = '' } = metadata;
  if (format !== 'hansa-adapter')
    throw new HansaError('InvalidModelFile', 'The file is not an adapter of a Hansa model.');
  if (baseModelHash === sha256) return;
  if (!/^[0-9a-f]{64}$/.test(baseModelHash)) {
    throw new HansaError(
      'InvalidModelFile',
      'The adapter does not say which base model it belongs to (metadata "baseModelHash"). An older Hansa wrote it: create its task again.',
    );
  }
  throw new HansaError(
    'InvalidModelFile',
    `The adapter belongs to the base model with SHA-256 ${baseModelHash}; the given one has ${sha256}. Take the model from which the adapter's task was created.`,
  );
}

/** The factor of the product B·A in a mode's adapters; undefined where the mode has none. */
export const loraScale = (mode: TrainingMode): number | undefined =>
  isLora(mode) ? mode.alpha / mode.rank : undefined;
