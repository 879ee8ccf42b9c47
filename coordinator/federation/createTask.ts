import { randomUUID } from 'node:crypto';
import { assertConfigFits, scaledParts } from '@hansa/aggregation/secagg/encoding';
import { sha256 } from '@hansa/shared/crypto';
import { HansaError } from '@hansa/shared/errors';
import {
  type AdapterTrained,
  architectureOfHeader,
  type BaseModel,
  initialAdapter,
  lengthOf,
  type Trained,
  tailMetricsOf,
  trainedSegments,
} from '@hansa/shared/model';
import { elementCount, parameterCount, readHeader, type SafetensorsHeader, wordLimit } from '@hansa/shared/numeric';
import {
  type CreateTask,
  type Plan,
  strategyParts,
  strategyTail,
  type TaskFile,
  taskFileSchema,
} from '@hansa/shared/protocol';
import {
  maxCohortSize,
  maxCompleteCohort,
  maxVectorLength,
  type SecAggConfig,
  secAggConfigSchema,
} from '@hansa/shared/protocol/secagg';
import { readHeaderOfBlob } from '../storage/blobHeader.ts';
import type { BlobStore } from '../storage/blobStore.ts';
import type { ModelRow, TaskRow } from '../storage/stateStore.ts';
import { clippedParts } from './clippedParts.ts';

/** Cohorts smaller than this hide little. */
const SAFE_COHORT = 5;

/**
 * The row of a new task, and that of the adapter it starts from where its mode leaves a part of the model as it is: made and stored here.
 *
 * @throws HansaError InvalidTask (what does not fit: clip, scale and cohort; floors; a small cohort that is not allowed; a mode that asks for what
 *   the model does not have), NotFound, InvalidModelFile (when it is no whole Hansa model)
 */
export async function newTask(
  request: CreateTask,
  blobs: BlobStore,
  nowMs: number,
): Promise<{ task: TaskRow; adapter?: ModelRow }> {
  const file = taskFileSchema.parse(request.task);
  assertCohort(file);
  assertStrategy(file);
  const { mode } = file.plan;
  const header = await readModelHeader(blobs, request.modelHash);
  const model = { sha256: request.modelHash, header, architecture: architectureOfHeader(header) };
  const adapter =
    mode.kind === 'full'
      ? undefined
      : await makeAdapter(model, { mode, job: file.plan.job.kind }, file.plan.seed, blobs);
  const start = adapter ?? { hash: model.sha256, header };
  const plan: Plan = {
    ...file.plan,
    rounds: file.rounds,
    lastRound: lastRoundOf(file),
    strategy: file.strategy,
    weighting: file.secureAggregation.weighting,
    initialModelHash: start.hash,
    ...(adapter !== undefined && { baseModelHash: request.modelHash }),
  };
  const planText = JSON.stringify(plan);
  assertConfigFits(secAggConfigOf(file, planText, start.header));
  const task: TaskRow = {
    id: randomUUID(),
    name: file.name,
    state: 'waiting',
    reason: undefined,
    file,
    plan: planText,
    committedRounds: 0,
    nextRound: 1,
    attempts: 0,
    failuresInRow: 0,
    modelHash: start.hash,
    initialModelHash: start.hash,
    strategyStateHash: undefined,
    createdAtMs: nowMs,
  };
  if (adapter === undefined) return { task };
  // Stored last: a task that does not fit leaves nothing behind.
  const { sha256: hash, sizeBytes } = await blobs.put(once(adapter.bytes), { sha256: adapter.hash });
  const parameters = parameterCount(adapter.header.manifest);
  return { task, adapter: { hash, sizeBytes, parameters, taskId: undefined, round: 0, createdAtMs: nowMs } };
}

/** The adapter that a task's first round starts from, as a file. @throws HansaError InvalidTask */
async function makeAdapter(
  base: BaseModel & { readonly header: SafetensorsHeader },
  trained: AdapterTrained,
  seed: number,
  blobs: BlobStore,
): Promise<{ hash: string; bytes: Uint8Array; header: SafetensorsHeader }> {
  const reader = await blobs.open(base.sha256);
  if (reader === undefined) throw new RangeError('the model whose header was read is not stored');
  try {
    const bytes = await initialAdapter(base, trained, seed, async ({ shape, offset }) => {
      const values = new Float32Array(elementCount(shape));
      await reader.read(new Uint8Array(values.buffer), base.header.dataOffset + offset * values.BYTES_PER_ELEMENT);
      return values;
    });
    const hash = Buffer.from(sha256(bytes)).toString('hex');
    return { hash, bytes, header: readHeader(bytes, bytes.length) };
  } finally {
    await reader.close();
  }
}

async function* once(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  yield bytes;
}

/** What a task trains of its model. */
export const trainedOf = ({ plan }: TaskFile): Trained => ({ mode: plan.mode, job: plan.job.kind });

/**
 * What a task fixes about secure aggregation, the same for all of its rounds.
 *
 * planHash = SHA-256 of the plan's text as assignments carry it; architectureHash = SHA-256 of the model file up to its data (length and JSON
 * header), which every model of the task shares. Tail: `loss` (mean training loss of the round's local steps), `validationLoss` (of the
 * model the round started from), and what the job's nodes and the strategy's members report beside them.
 *
 * @throws HansaError InvalidTask
 */
export function secAggConfigOf(file: TaskFile, planText: string, header: SafetensorsHeader): SecAggConfig {
  const { cohort, secureAggregation: settings } = file;
  const { ring, weighting, maxLoss } = settings;
  // Of round 1 as of all: adapterManifest sees to it.
  const segments = trainedSegments(header.manifest, trainedOf(file), 1);
  const trainedLength = lengthOf(segments);
  const parts = [...clippedParts(settings, segments), ...strategyParts(file.strategy, trainedLength)];
  const vectorLength = parts.reduce((sum, { length }) => sum + length, 0);
  if (trainedLength < 1 || vectorLength > maxVectorLength) {
    throw new HansaError(
      'InvalidTask',
      `The task sends ${vectorLength} numbers; 1 to ${maxVectorLength} can be aggregated.`,
    );
  }
  // With groups a cohort is a group: its own size is what its sum, its thresholds and its floors go by.
  const largestCohort = cohort.groups?.size ?? cohort.maximum;
  const weightMax = weighting.kind === 'uniform' ? 1 : weighting.levels;
  const steps = Math.floor(wordLimit / largestCohort);
  const config: SecAggConfig = {
    suite: 'SA-1',
    vectorLength,
    wordBits: ring,
    parts: scaledParts({ wordBits: ring, maxCohort: largestCohort }, parts),
    maxCohort: largestCohort,
    grouped: cohort.groups !== undefined,
    weightMax,
    weighting: weighting.kind === 'uniform' ? 'uniform' : 'buckets',
    tail: [
      ...tailMetricsOf(file.plan.job.kind).map(({ name, low, high }) => ({
        name,
        low,
        high: high === 'maxLoss' ? maxLoss : high,
        steps,
      })),
      ...strategyTail(file.strategy, file.plan.training.steps, weightMax),
    ],
    dp: 'none',
    rule: ruleOf(settings.graph, largestCohort),
    gammaPermille: Math.ceil(settings.corruptRate * 1000),
    deltaPermille: Math.floor(settings.dropoutRate * 1000),
    minCohort: cohort.groups?.minimum ?? cohort.minimum,
    minSurvivors: settings.minSurvivors,
    knownFloor: settings.knownFloor,
    planHash: sha256(Buffer.from(planText)),
    architectureHash: sha256(header.headerBytes),
  };
  const checked = secAggConfigSchema.safeParse(JSON.parse(JSON.stringify(wireOf(config))));
  if (!checked.success) {
    const places = checked.error.issues.map((issue) => issue.path.join('.')).join(', ');
    throw new HansaError('InvalidTask', `The secure aggregation settings are out of bounds: ${places}.`);
  }
  return config;
}

function ruleOf(graph: TaskFile['secureAggregation']['graph'], largestCohort: number): SecAggConfig['rule'] {
  const complete = graph === 'complete' || (graph === 'auto' && largestCohort <= maxCompleteCohort);
  return complete ? 'complete-two-thirds' : 'k-out-40-20';
}

/** The last round number that a task may use: a round that is given up after members had signed uses up its number. */
export const lastRoundOf = ({ rounds, maxAttempts }: TaskFile): number => rounds + maxAttempts;

/** Reads the header of a stored model. @throws HansaError NotFound, InvalidModelFile */
export async function readModelHeader(blobs: BlobStore, hash: string): Promise<SafetensorsHeader> {
  const reader = await blobs.open(hash);
  if (reader === undefined) throw new HansaError('NotFound', `This coordinator has no model ${hash}. Store it first.`);
  try {
    return await readHeaderOfBlob(reader);
  } finally {
    await reader.close();
  }
}

function assertStrategy({ strategy, secureAggregation, plan }: TaskFile): void {
  if (strategy.name !== 'scaffold') return;
  if (secureAggregation.weighting.kind !== 'uniform')
    invalid(
      `strategy is scaffold and secureAggregation.weighting ${secureAggregation.weighting.kind}: control variates are means over members who all count the same; set it to uniform`,
    );
  if (plan.mode.kind === 'roLora')
    invalid(
      'strategy is scaffold and plan.mode roLora: control variates are of the same numbers in every round; take lora, or another strategy',
    );
}

function assertCohort({ cohort, secureAggregation }: TaskFile): void {
  const { groups } = cohort;
  const largest = groups?.size ?? cohort.maximum;
  for (const name of ['minSurvivors', 'knownFloor'] as const) {
    if (secureAggregation[name] <= largest) continue;
    invalid(
      `secureAggregation.${name} (${secureAggregation[name]}) is larger than ${groups === undefined ? 'cohort.maximum' : 'cohort.groups.size'} (${largest}): no round could ever begin`,
    );
  }
  if (cohort.minimum > cohort.maximum)
    invalid(`cohort.minimum (${cohort.minimum}) is larger than cohort.maximum (${cohort.maximum})`);
  if (groups === undefined && cohort.maximum > maxCohortSize)
    invalid(
      `cohort.maximum is ${cohort.maximum}: more than ${maxCohortSize} members do not mask together; split them into groups (cohort.groups)`,
    );
  if (groups !== undefined && groups.minimum > Math.ceil(groups.size / 2))
    invalid(
      `cohort.groups.minimum (${groups.minimum}) is more than half of cohort.groups.size (${groups.size}): members that fill one group and a little more could not be split`,
    );
  const smallest = groups?.minimum ?? cohort.minimum;
  if (Math.min(smallest, cohort.minimum) < SAFE_COHORT && !cohort.allowSmall)
    invalid(
      `${groups === undefined ? 'cohort.minimum' : 'cohort.minimum or cohort.groups.minimum'} is ${Math.min(smallest, cohort.minimum)}: fewer than ${SAFE_COHORT} members hide little from each other. Raise it, or set cohort.allowSmall to true (every node's policy must agree too)`,
    );
}

function invalid(what: string): never {
  throw new HansaError('InvalidTask', `${what}.`);
}

const wireOf = (config: SecAggConfig) => ({
  ...config,
  planHash: Buffer.from(config.planHash).toString('base64url'),
  architectureHash: Buffer.from(config.architectureHash).toString('base64url'),
});
