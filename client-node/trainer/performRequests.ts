import { loadMerchantData, type MerchantData } from '../data/index.ts';
import { compareMethods } from '../evaluation/compareMethods.ts';
import { openLocalModel } from '../gradient/localModel.ts';
import { writing } from '../ledger/files.ts';
import { writeVectorFile } from '../model/modelFile.ts';
import { checkpointAt } from '../training/checkpoint.ts';
import { meanLoss, trainLocally } from '../training/localTraining.ts';
import { windowsWithin } from '../training/memory.ts';
import type { LoadRequest, Progress, TrainRequest, TrainResult } from './requests.ts';
import type { JobName, Jobs, LoadedData } from './workerMessages.ts';

/** Validation windows that a round's validation loss is measured on: enough for a curve, few enough to cost less than a few steps. */
const VALIDATION_WINDOWS = 128;

export interface JobContext {
  readonly signal: AbortSignal;
  readonly onProgress: (progress: Progress) => void;
}

interface Loaded {
  readonly data: MerchantData;
  /** Resident memory of the process before it held a model. */
  readonly heldBytes: number;
}

/** The worker's jobs over the data that `load` leaves in memory; one runs at a time, in the order asked for. */
export function createJobs(): {
  run(name: JobName, request: unknown, context: JobContext): Promise<unknown>;
} {
  let loaded: Loaded | undefined;
  const ready = (): Loaded => {
    if (loaded === undefined) throw new RangeError('load comes before every other job');
    return loaded;
  };
  const jobs: { [Name in JobName]: (request: Jobs[Name]['request'], context: JobContext) => Promise<unknown> } = {
    async load(request, context) {
      const data = await load(request, context);
      const before = request.heldBefore?.digest === data.digest ? request.heldBefore : undefined;
      loaded = { data, heldBytes: before?.bytes ?? process.memoryUsage.rss() };
      return summary(loaded);
    },
    train: (request, context) => train(ready(), request, context),
    compare(request, context) {
      const { data, heldBytes } = ready();
      return compareMethods(data, request, heldBytes, context);
    },
  };
  let last: Promise<unknown> = Promise.resolve();
  return {
    run(name, request, context) {
      const job = last.then(() => {
        // The job before has let go of models' worth of memory, which the next one takes; what is left lying would count against the ceiling.
        globalThis.gc?.();
        return jobs[name](request as never, context);
      });
      last = job.catch(() => undefined);
      return job;
    },
  };
}

function load({ data, baseFolder, scratchFolder }: LoadRequest, context: JobContext): Promise<MerchantData> {
  return loadMerchantData(data, baseFolder, {
    scratchFolder,
    signal: context.signal,
    onProgress: (doing) => context.onProgress({ step: 0, steps: 0, loss: undefined, doing }),
  });
}

function summary({ data, heldBytes }: Loaded): LoadedData {
  return {
    held: { digest: data.digest, bytes: heldBytes },
    frequency: data.frequency,
    rows: data.rows,
    series: data.series,
    trainWindows: data.train.count,
    validationWindows: data.validation.count,
    testWindows: data.test.count,
    cleaning: data.cleaning,
  };
}

async function train(
  { data, heldBytes }: Loaded,
  request: TrainRequest,
  { signal, onProgress }: JobContext,
): Promise<TrainResult> {
  const started = performance.now();
  const model = await openLocalModel(request, { season: data.season, horizonPeriods: data.horizonPeriods });
  const { shape, weights: start, dispose } = model.part(model.vector, request.round);
  try {
    const { checkpoint, steps, maxMemoryBytes } = request;
    const onFailure = (warning: string) => onProgress({ step: 0, steps, loss: undefined, warning });
    // A process that takes over reads the data again, and it may have changed.
    const job = JSON.stringify({ request, data: data.digest });
    const kept = checkpoint && checkpointAt(checkpoint.file, job, checkpoint.everyMs, onFailure);
    const resume = await kept?.read();
    if (resume !== undefined) onProgress({ step: resume.step, steps, loss: undefined, resumed: true });
    const windowsAtOnce =
      resume?.windowsAtOnce ?? (await windowsWithin(model, data.train, request.round, { maxMemoryBytes, heldBytes }));
    const validationLoss = await meanLoss(shape, start, data.validation, VALIDATION_WINDOWS, windowsAtOnce);
    const trained = await trainLocally(
      shape,
      start,
      data.train,
      {
        steps,
        batchSize: request.batchSize,
        learningRate: request.learningRate,
        warmupSteps: request.warmupSteps,
        decay: 'none',
        optimizer: request.optimizer,
        seed: String(request.seed),
        fullBatch: request.fullBatch ?? false,
        proximalMu: request.proximalMu ?? 0,
        earlyStop: request.earlyStop,
      },
      {
        signal,
        onStep: onProgress,
        validation: data.validation,
        windowsAtOnce,
        resume,
        ...(kept !== undefined && { afterStep: (state) => kept.keep(state) }),
      },
    );
    const update = trained.weights.map((weight, index) => weight - start[index]!);
    await writing(request.updateFile, () => writeVectorFile(request.updateFile, update));
    await kept?.remove();
    return {
      steps: trained.steps,
      windows: data.train.count,
      trainLoss: trained.loss,
      validationLoss,
      windowsAtOnce,
      peakMemoryBytes: process.resourceUsage().maxRSS * 1024,
      seconds: (performance.now() - started) / 1000,
    };
  } finally {
    dispose();
    model.dispose();
  }
}
