import { createHash } from 'node:crypto';
import { type JobName, jobTerms, reportOf } from '@hansa/shared/model';
import { learningRateOfRound } from '@hansa/shared/protocol';
import { compareMethods } from '../evaluation/compareMethods.ts';
import { writeForecasts } from '../forecasting/writeForecasts.ts';
import { answersOf } from '../gradient/gradient.ts';
import { openLocalModel } from '../gradient/localModel.ts';
import type { Answer, JobData, ScoreOptions } from '../jobs/job.ts';
import { jobModel } from '../jobs/models.ts';
import { jobSource } from '../jobs/sources.ts';
import { writing } from '../ledger/files.ts';
import { readModelFile, type WrittenFile, writeModelFile, writeVectorFile } from '../model/modelFile.ts';
import { checkpointAt } from '../training/checkpoint.ts';
import { correctionOf, nextControl } from '../training/controlVariates.ts';
import { FALL_WITHIN_A_ROUND, meanLoss, trainLocally } from '../training/localTraining.ts';
import { examplesWithin } from '../training/memory.ts';
import { readControls, writeControl } from './controlFiles.ts';
import type {
  CompareRequest,
  CompareResult,
  LoadRequest,
  LoadResult,
  RequestProgress,
  TrainRequest,
  TrainResult,
} from './requests.ts';
import type { RequestName, Requests } from './workerMessages.ts';

/** Validation examples that a round's validation loss is measured on: enough for a curve, few enough to cost less than a few steps. */
const VALIDATION_EXAMPLES = 128;

/** Vectors as long as the trained one that SCAFFOLD holds beside training: c, cᵢ, what is added to gradients, their sum, that of the best check, cᵢ⁺ and its change. */
const CONTROL_VECTORS = 7;

export interface RequestContext {
  readonly signal: AbortSignal;
  readonly onProgress: (progress: RequestProgress) => void;
}

interface Loaded {
  readonly data: ReadonlyMap<JobName, JobData>;
  /** Resident memory of the process before it held a model. */
  readonly heldBytes: number;
}

/** What the worker does with requests over the data that `load` leaves in memory; one runs at a time, in the order asked for. */
export function requestRunner(): {
  run(name: RequestName, request: unknown, context: RequestContext): Promise<unknown>;
} {
  let loaded: Loaded | undefined;
  const ready = (job: JobName): { data: JobData; heldBytes: number } => {
    const data = loaded?.data.get(job);
    if (loaded === undefined || data === undefined) throw new RangeError(`no data was loaded for ${job}`);
    return { data, heldBytes: loaded.heldBytes };
  };
  const perform: {
    [Name in RequestName]: (request: Requests[Name]['request'], context: RequestContext) => Promise<unknown>;
  } = {
    async load(request, context) {
      const data = await load(request, context);
      const digest = digestOf(data);
      const before = request.heldBefore?.digest === digest ? request.heldBefore : undefined;
      loaded = { data, heldBytes: before?.bytes ?? process.memoryUsage.rss() };
      return { data: [...data].map(([job, of]) => summary(job, of)), held: { digest, bytes: loaded.heldBytes } };
    },
    train(request, context) {
      const { data, heldBytes } = ready(request.job);
      return train(data, heldBytes, request, context);
    },
    compare(request, context) {
      const { data, heldBytes } = ready(request.job);
      return compare(data, request, heldBytes, context);
    },
    forecast(request, context) {
      return writeForecasts(ready(request.job).data, request, context);
    },
  };
  let last: Promise<unknown> = Promise.resolve();
  return {
    run(name, request, context) {
      const done = last.then(() => {
        // The request before has let go of models' worth of memory, which the next one takes; what is left lying would count against the ceiling.
        globalThis.gc?.();
        return perform[name](request as never, context);
      });
      last = done.catch(() => undefined);
      return done;
    },
  };
}

async function load(
  { data, baseFolder, scratchFolder }: LoadRequest,
  { signal, onProgress }: RequestContext,
): Promise<ReadonlyMap<JobName, JobData>> {
  const loaded = new Map<JobName, JobData>();
  for (const config of data) {
    const options = {
      scratchFolder,
      signal,
      onProgress: (doing: string) => onProgress({ step: 0, steps: 0, loss: undefined, doing }),
    };
    loaded.set(config.job, await jobSource(config.job).load(config, baseFolder, options));
  }
  return loaded;
}

async function compare(
  data: JobData,
  request: CompareRequest,
  heldBytes: number,
  context: RequestContext,
): Promise<CompareResult> {
  const { selectedModelFile: path, adapter, initialModelFile, maxMemoryBytes } = request;
  let written: WrittenFile | undefined;
  const onSelected = async (vector: Float32Array) => {
    if (path === undefined || adapter !== undefined) return;
    const { architecture } = await readModelFile(initialModelFile);
    written = await writing(path, () => writeModelFile(path, architecture, vector));
  };
  const comparison = await compareMethods(data, request, { maxMemoryBytes, heldBytes }, { ...context, onSelected });
  return { ...comparison, selectedModelHash: written?.sha256 };
}

function digestOf(data: ReadonlyMap<JobName, JobData>): string {
  const hash = createHash('sha256');
  for (const [job, { digest }] of data) hash.update(`${job} ${digest}\n`);
  return hash.digest('hex');
}

function summary(job: JobName, data: JobData): LoadResult['data'][number] {
  return {
    job,
    rows: data.rows,
    trainExamples: data.train.count,
    validationExamples: data.validation.count,
    testExamples: data.test.count,
    report: data.report,
  };
}

/** What this node reports of its job's metrics, by word of the tail. */
async function metricsToReport(
  job: JobName,
  data: JobData,
  answer: Answer,
  options: ScoreOptions,
): Promise<Record<string, number>> {
  const { tail } = jobTerms(job);
  if (tail.length === 0) return {};
  const { values } = await jobModel(job).evaluation.score(data, 'validation', answer, options);
  return reportOf(tail, values);
}

async function train(
  data: JobData,
  heldBytes: number,
  request: TrainRequest,
  { signal, onProgress }: RequestContext,
): Promise<TrainResult> {
  const started = performance.now();
  const model = await openLocalModel(request, data);
  const { shape, weights: start, dispose } = model.part(model.vector, request.round);
  try {
    const { checkpoint, training, round, rounds, maxMemoryBytes, control } = request;
    const controls = control && (await readControls(control, start.length));
    const { steps } = training;
    const onFailure = (warning: string) => onProgress({ step: 0, steps, loss: undefined, warning });
    // A process that takes over reads the data again, and it may have changed.
    const named = JSON.stringify({ request, data: data.digest });
    const kept = checkpoint && checkpointAt(checkpoint.file, named, checkpoint.everyMs, onFailure);
    const resume = await kept?.read();
    if (resume !== undefined) onProgress({ step: resume.step, steps, loss: undefined, resumed: true });
    const examplesAtOnce =
      resume?.examplesAtOnce ??
      (await examplesWithin(model, data.train, round, {
        maxMemoryBytes,
        heldBytes: heldBytes + (controls === undefined ? 0 : CONTROL_VECTORS * start.byteLength),
      }));
    const validationLoss = await meanLoss(shape, start, data.validation, VALIDATION_EXAMPLES, examplesAtOnce);
    const metrics = await metricsToReport(request.job, data, (batch) => answersOf(shape, start, batch), {
      limit: VALIDATION_EXAMPLES,
      examplesAtOnce,
      signal,
    });
    const trained = await trainLocally(
      shape,
      start,
      data.train,
      {
        training: { ...training, learningRate: learningRateOfRound(training, round, rounds) },
        fall: FALL_WITHIN_A_ROUND,
        seed: String(request.seed),
        fullBatch: request.fullBatch ?? false,
      },
      {
        signal,
        onStep: onProgress,
        validation: data.validation,
        examplesAtOnce,
        correction: controls && correctionOf(controls),
        resume,
        ...(kept !== undefined && { afterStep: (state) => kept.keep(state) }),
      },
    );
    const update = trained.weights.map((weight, index) => weight - start[index]!);
    const vectors: Float32Array[] = [update];
    if (control !== undefined && controls !== undefined && trained.gradientSum !== undefined) {
      const { next, difference } = nextControl(
        controls.own,
        trained.gradientSum,
        trained.stepsInWeights,
        control.clipNorm,
      );
      await writing(control.next, () => writeControl(control, round, next));
      vectors.push(difference);
    }
    await writing(request.updateFile, () => writeVectorFile(request.updateFile, ...vectors));
    await kept?.remove();
    return {
      steps: trained.steps,
      stepsInUpdate: trained.stepsInWeights,
      examples: data.train.count,
      trainLoss: trained.loss,
      validationLoss,
      metrics,
      examplesAtOnce,
      peakMemoryBytes: process.resourceUsage().maxRSS * 1024,
      seconds: (performance.now() - started) / 1000,
    };
  } finally {
    dispose();
    model.dispose();
  }
}
