import type { JobName } from '@hansa/shared/model';
import { scatter } from '@hansa/shared/model';
import { type LocalTraining, learningRateOfRound } from '@hansa/shared/protocol';
import { answersOf } from '../gradient/gradient.ts';
import { type LocalModel, type ModelFiles, openLocalModel } from '../gradient/localModel.ts';
import type { JobData, JobEvaluation, Metric, Score } from '../jobs/job.ts';
import { jobModel } from '../jobs/models.ts';
import type { Interval } from '../statistics/bootstrap.ts';
import { FALL_WITHIN_A_ROUND, type LocalPlan, type StepReport, trainLocally } from '../training/localTraining.ts';
import { examplesWithin, type MemoryCeiling } from '../training/memory.ts';

/** Validation examples that a learning rate is chosen on. */
const VALIDATION_EXAMPLES = 256;

/** Vectors of the whole file that are held while one is trained: the federated one, the round before, the best of each search. */
const VECTORS_BESIDE = 4;

/** Validation examples that the selected model is chosen on. */
const SELECTION_EXAMPLES = 4096;

/** The methods with a model; each job has baselines beside them. */
const modelMethods = {
  untrained: 'untrained model',
  localOnly: 'local only',
  federated: 'federated',
  fineTuned: 'federated, fine-tuned',
  blended: 'mean of federated and fine-tuned',
} as const;
export type ModelMethod = keyof typeof modelMethods;

/**
 * The comparison: the job's baselines; the model before round 1; local-only, rounds · training.steps + fineTuneSteps steps from that start; the federated model;
 * that after fineTuneSteps of local steps; and the mean of these two models' weights (Wortsman et al. 2022, "Robust fine-tuning"). Local-only and fine-tuning
 * train the same part of the model as the rounds did, and each take the learning rate of the grid that does best on validation. Over the rounds local-only's
 * falls as the league's did. Selected is what a merchant should use: the mean of league and tuned, unless another model is better on validation beyond chance.
 */
export interface ComparisonRequest {
  readonly job: JobName;
  /** The model or adapter that round 1 started from. */
  readonly initialModelFile: string;
  readonly federatedModelFile: string;
  readonly adapter?: ModelFiles['adapter'];
  /** Rounds that were committed. */
  readonly rounds: number;
  /** Rounds of the task: what its learning rate falls over. */
  readonly plannedRounds: number;
  readonly training: LocalTraining;
  readonly fineTuneSteps: number;
  readonly learningRates: readonly number[];
  readonly seed: string | number;
}

/** How much lower or higher one method's first metric is than another's, with its 95 % interval (a paired bootstrap). */
export interface MethodComparison {
  readonly method: string;
  readonly against: string;
  /** The metric of `method` divided by that of `against`, minus 1. */
  readonly change: number;
  readonly interval: Interval;
}

export interface Comparison {
  readonly job: JobName;
  /** Examples of the hold-out. */
  readonly examples: number;
  /** Baselines first. */
  readonly methods: readonly { readonly name: string; readonly label: string; readonly steps: number }[];
  /** The first one decides. */
  readonly metrics: readonly (Metric & { readonly values: Readonly<Record<string, number>> })[];
  /** 95 % intervals of the first metric by method; undefined where the hold-out does not tell. */
  readonly intervals: Readonly<Record<string, Interval | undefined>>;
  readonly comparisons: readonly MethodComparison[];
  /** What the merchant should use. */
  readonly selected: ModelMethod;
  /** The baseline that does best on the hold-out itself. */
  readonly bestBaseline: string;
  /** Loss on validation by method; Infinity where validation does not tell. */
  readonly validationLosses: Readonly<Record<ModelMethod, number>>;
  /** Chosen on validation. */
  readonly learningRates: Readonly<Record<'localOnly' | 'fineTuned', number>>;
  /** One example of the hold-out for a picture, as the job has it. */
  readonly picture: unknown;
  readonly seconds: number;
}

interface Context {
  /** Given the whole vector of the selected model. */
  readonly onSelected?: (vector: Float32Array) => Promise<void>;
  readonly signal?: AbortSignal | undefined;
  readonly onProgress?: (progress: {
    readonly step: number;
    readonly steps: number;
    readonly loss: number;
    readonly doing: string;
  }) => void;
}

/**
 * Compares methods on the merchant's hold-out; see ComparisonRequest for their steps.
 *
 * Local-only takes the steps a member takes, in the same rounds (a fresh optimiser and a warm-up at the start of each) and with the same batch size;
 * only the averaging is missing. The last fineTuneSteps let the learning rate fall to 0, for local-only and fine-tuned alike.
 *
 * @param memory what the process may take, and held before it held a model
 * @throws HansaError InvalidData (where the hold-out cannot tell methods apart)
 * @throws HansaError Interrupted (when the signal aborts)
 */
export async function compareMethods(
  data: JobData,
  request: ComparisonRequest,
  memory: MemoryCeiling,
  context: Context = {},
): Promise<Comparison> {
  const { job, initialModelFile, adapter } = request;
  const model = await openLocalModel({ modelFile: initialModelFile, job, adapter }, data);
  try {
    const { evaluation } = jobModel(job);
    return await compare(
      evaluation,
      model,
      await model.read(request.federatedModelFile),
      data,
      request,
      memory,
      context,
    );
  } finally {
    model.dispose();
  }
}

async function compare(
  evaluation: JobEvaluation,
  model: LocalModel,
  federated: Float32Array,
  data: JobData,
  request: ComparisonRequest,
  { maxMemoryBytes, heldBytes }: MemoryCeiling,
  { signal, onProgress, onSelected }: Context,
): Promise<Comparison> {
  const started = performance.now();
  const { rounds, training, fineTuneSteps, learningRates } = request;
  const examplesAtOnce = await examplesWithin(model, data.train, 1, {
    maxMemoryBytes,
    heldBytes: heldBytes + VECTORS_BESIDE * model.vector.byteLength,
  });
  const alone = rounds * training.steps + fineTuneSteps;
  const total = learningRates.length * (alone + fineTuneSteps);
  let done = 0;
  const onStep = (doing: string) => (report: StepReport) => {
    done += 1;
    onProgress?.({ step: done, steps: total, loss: report.loss, doing });
  };

  /** Trains the part of `start` that round `round` trains, and returns the whole. */
  const train = async (
    start: Float32Array,
    round: number,
    change: Pick<LocalTraining, 'learningRate' | 'steps' | 'earlyStop'>,
    plan: Pick<LocalPlan, 'fall' | 'seed'>,
    doing: string,
  ) => {
    const { shape, weights: before, segments, dispose } = model.part(start, round);
    try {
      const { weights } = await trainLocally(
        shape,
        before,
        data.train,
        // The proximal term holds members of a league together; alone there is nobody to stay close to.
        { ...plan, training: { ...training, ...change, proximalMu: 0 }, fullBatch: false },
        { signal, onStep: onStep(doing), validation: data.validation, examplesAtOnce },
      );
      const trained = start.slice();
      scatter(weights, segments, trained);
      return trained;
    } finally {
      dispose();
    }
  };
  const tune = (start: Float32Array, learningRate: number, doing: string) => {
    const change = { learningRate, steps: fineTuneSteps, earlyStop: undefined };
    return train(start, rounds + 1, change, { fall: 'cosine', seed: `${request.seed}/tune` }, doing);
  };
  const trainAlone = async (learningRate: number) => {
    const doing = `local-only at learning rate ${learningRate}`;
    const { steps, earlyStop, decay } = training;
    let weights = model.vector;
    for (let round = 1; round <= rounds; round++) {
      const rate = learningRateOfRound({ learningRate, decay }, round, request.plannedRounds);
      const change = { learningRate: rate, steps, earlyStop };
      weights = await train(
        weights,
        round,
        change,
        { fall: FALL_WITHIN_A_ROUND, seed: `${request.seed}/${round}` },
        doing,
      );
    }
    return tune(weights, learningRate, doing);
  };
  /** A model's answers, and what lets go of its place on the engine. */
  const answering = (vector: Float32Array) => {
    const { shape, weights, dispose } = model.part(vector, 1);
    return { answer: (batch: Parameters<typeof answersOf>[2]) => answersOf(shape, weights, batch), dispose };
  };
  const score = async (vector: Float32Array, split: 'validation' | 'test', limit?: number) => {
    const { answer, dispose } = answering(vector);
    try {
      return await evaluation.score(data, split, answer, {
        signal,
        examplesAtOnce,
        ...(limit !== undefined && { limit }),
      });
    } finally {
      dispose();
    }
  };
  const best = async (train: (learningRate: number) => Promise<Float32Array>) => {
    let chosen: { learningRate: number; weights: Float32Array; loss: number } | undefined;
    for (const learningRate of learningRates) {
      const weights = await train(learningRate);
      const { loss } = await score(weights, 'validation', VALIDATION_EXAMPLES);
      if (chosen === undefined || loss < chosen.loss) chosen = { learningRate, weights, loss };
    }
    if (chosen === undefined) throw new RangeError('a comparison needs at least one learning rate');
    return chosen;
  };

  // First: a hold-out that cannot tell methods apart is found before anything is trained.
  const scores = new Map<string, Score>(await evaluation.scoreBaselines(data, 'test', signal));
  const fineTuned = await best((rate) => tune(federated, rate, `fine-tuning at learning rate ${rate}`));
  const localOnly = await best(trainAlone);
  const vectors: Record<ModelMethod, Float32Array> = {
    untrained: model.vector,
    localOnly: localOnly.weights,
    federated,
    fineTuned: fineTuned.weights,
    blended: federated.map((weight, at) => (weight + fineTuned.weights[at]!) / 2),
  };
  const onValidation = {} as Record<ModelMethod, Score>;
  for (const method of methodNames) {
    scores.set(method, await score(vectors[method], 'test'));
    onValidation[method] = await score(vectors[method], 'validation', SELECTION_EXAMPLES);
  }
  const selected = selectedOf(onValidation, evaluation.metrics[0].better === 'higher');
  scores.set('selected', scores.get(selected)!);
  const steps: Record<ModelMethod, number> = {
    untrained: 0,
    localOnly: alone,
    federated: rounds * training.steps,
    fineTuned: alone,
    blended: alone,
  };
  await onSelected?.(vectors[selected]);
  const { answer, dispose } = answering(vectors[selected]);
  const picture = await evaluation.picture(data, scores.get(selected)!, answer).finally(dispose);
  const bestBaseline = leastLoss(evaluation.baselines, scores);
  return {
    job: request.job,
    examples: data.test.count,
    methods: [
      ...evaluation.baselines.map(({ name, label }) => ({ name, label, steps: 0 })),
      ...methodNames.map((name) => ({ name, label: modelMethods[name], steps: steps[name] })),
      { name: 'selected', label: `selected: ${modelMethods[selected]}`, steps: steps[selected] },
    ],
    metrics: evaluation.metrics.map((metric) => ({ ...metric, values: valuesOf(metric.name, scores) })),
    intervals: Object.fromEntries([...scores].map(([method, of]) => [method, of.interval()])),
    comparisons: pairs(bestBaseline).flatMap(([method, against]) => {
      // A model against itself tells nothing.
      if (method === 'selected' && against === selected) return [];
      const found = scores.get(method)!.changeFrom(scores.get(against)!);
      return found === undefined ? [] : [{ method, against, ...found }];
    }),
    selected,
    bestBaseline,
    validationLosses: Object.fromEntries(
      methodNames.map((method) => [method, onValidation[method].loss]),
    ) as Comparison['validationLosses'],
    learningRates: { localOnly: localOnly.learningRate, fineTuned: fineTuned.learningRate },
    picture,
    seconds: (performance.now() - started) / 1000,
  };
}

const methodNames = Object.keys(modelMethods) as ModelMethod[];

/** What is taken where validation does not tell models apart. */
const USUAL: ModelMethod = 'blended';

/**
 * The model with the least loss on validation, where it is better than the usual choice beyond chance (95 % of a paired bootstrap). A few weeks of validation do not
 * tell models apart that differ little, and the least of several noisy losses is a poor choice.
 */
function selectedOf(onValidation: Readonly<Record<ModelMethod, Score>>, higherIsBetter: boolean): ModelMethod {
  const best = methodNames.reduce((a, b) => (onValidation[b].loss < onValidation[a].loss ? b : a), USUAL);
  const difference = best === USUAL ? undefined : onValidation[best].changeFrom(onValidation[USUAL]);
  if (difference === undefined) return USUAL;
  const [low, high] = difference.interval;
  return (higherIsBetter ? low > 0 : high < 0) ? best : USUAL;
}

/** The baseline that does best on the hold-out itself: the hardest to beat. */
function leastLoss(baselines: JobEvaluation['baselines'], scores: ReadonlyMap<string, Score>): string {
  return baselines
    .map(({ name }) => name)
    .reduce((best, name) => (scores.get(name)!.loss < scores.get(best)!.loss ? name : best));
}

/**
 * Pairs worth an interval: what the league gives over training alone and over no model at all, and what tuning and selecting add. Of the baselines only the
 * best one stands in them, so that no job has to name one.
 */
const pairs = (bestBaseline: string): readonly (readonly [method: string, against: string])[] => [
  ['selected', 'localOnly'],
  ['selected', bestBaseline],
  ['fineTuned', 'localOnly'],
  ['fineTuned', bestBaseline],
  ['fineTuned', 'federated'],
  ['federated', 'localOnly'],
  ['localOnly', bestBaseline],
];

/** Values that a method's score does not have are left out. */
function valuesOf(metric: string, scores: ReadonlyMap<string, Score>): Record<string, number> {
  return Object.fromEntries(
    [...scores].flatMap(([method, { values }]) => {
      const value = values[metric];
      return value === undefined ? [] : [[method, value]];
    }),
  );
}
