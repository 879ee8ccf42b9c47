import type { Architecture, JobName, JobOptions } from '@hansa/shared/model';
import type * as tf from '@tensorflow/tfjs';
import type { z } from 'zod';
import type { SeriesForecast } from '../forecasting/seriesForecast.ts';
import type { Parameters } from '../model/encoder.ts';
import type { Interval } from '../statistics/bootstrap.ts';
import type { Batch, ExampleSet } from './examples.ts';

/** Something about the data that the merchant may want to know or to change. */
export interface Finding {
  /** A warning asks for something to be done; a note does not. */
  readonly kind: 'warning' | 'note';
  /** Whole sentences, without a value from the data. */
  readonly sentence: string;
  /** What it is about, with names and values from the data: for the merchant's own eyes, and in no log. */
  readonly examples: readonly string[];
}

/** What all items sold together, over time: for the merchant's own page. */
export interface Timeline {
  /** First day of each period, YYYY-MM-DD, ascending. */
  readonly periods: readonly string[];
  readonly units: readonly number[];
  /** First days of validation and test. */
  readonly validFrom: string;
  readonly testFrom: string;
}

/** What was read for a job, as people and the node's policy see it. */
export interface DataReport {
  /** Whole sentences: what there is, in counts. */
  readonly summary: readonly string[];
  /** What cleaning did. */
  readonly cleaning: readonly string[];
  readonly findings: readonly Finding[];
  /** Absent where a job has none. */
  readonly timeline?: Timeline;
  /** The same as figures for programs; the names are the job's. Nothing in it names an item, a customer or a day's sales. */
  readonly facts: Readonly<Record<string, unknown>>;
}

/** A merchant's data for one job, split by time. */
export interface JobData<B extends Batch = Batch> {
  /** Lines read, after the merchant and date filters and before cleaning. */
  readonly rows: number;
  readonly report: DataReport;
  /** Of what the examples are built from, hexadecimal: other data, other digest. Never sent. */
  readonly digest: string;
  /** Whether its examples name words of a model that has word embeddings, which are then kept in memory. */
  readonly readsWords?: boolean;
  readonly train: ExampleSet<B>;
  readonly validation: ExampleSet<B>;
  readonly test: ExampleSet<B>;
  /** What there is to answer now, from all that is known: examples without targets. Absent where the job makes no forecasts. */
  readonly now?: ExampleSet<B>;
}

export interface LoadOptions {
  /** Folder for the database's temporary files; the system's temporary folder when undefined. */
  readonly scratchFolder?: string | undefined;
  readonly signal?: AbortSignal | undefined;
  /** The time, in milliseconds since 1970: dates after it are doubted. The machine's clock when undefined. */
  readonly now?: number | undefined;
  /** Told what is being done, in a few words. */
  readonly onProgress?: ((step: string) => void) | undefined;
}

/** A job's entry under `data` in a node's configuration; what else is in it is the job's. */
export interface JobDataConfig {
  readonly job: JobName;
}

/**
 * Where a job's examples come from: what NAME/source.ts exports as `source`. It uses no TensorFlow.js, and brings the database along only with `load`.
 */
export interface JobSource<Config extends JobDataConfig = JobDataConfig, Data extends JobData = JobData> {
  /** Schema of the job's entry under `data` in a node's configuration. */
  readonly config: z.ZodType<Config>;
  /**
   * Reads, checks and cleans a merchant's data.
   *
   * @param baseFolder folder that the configuration's paths count from
   * @throws HansaError InvalidData (what is wrong, in which file, row and column, and what to do)
   * @throws HansaError Interrupted (when the signal aborts)
   */
  load(config: Config, baseFolder: string, options?: LoadOptions): Promise<Data>;
  /** Whether the job says what the periods ahead will bring: its model has a {@link Forecaster}. */
  readonly forecasts?: boolean;
  /** Why this data does not serve a task with these options; undefined where it does. */
  refusal(options: JobOptions, report: DataReport): string | undefined;
  /** Why this data does not serve a model of this architecture, which is known once the model is there; undefined where it does. */
  modelRefusal?(architecture: Architecture, report: DataReport): string | undefined;
}

/** What a forward pass reads of a batch: tensors, and numbers that follow from their shapes. */
export type Inputs = Readonly<Record<string, number | tf.Tensor>>;
/** What a loss compares with. */
export type Targets = Readonly<Record<string, tf.Tensor>>;

/** A job's mathematics on TensorFlow.js. Whoever asks for tensors disposes of them. */
export interface JobModel<B extends Batch = Batch, I extends Inputs = Inputs, T extends Targets = Targets> {
  /**
   * @param words [vocabularySize, hiddenSize] the model's word embeddings, which no task changes; there where the data names words
   * @throws RangeError (where the batch does not fit the architecture)
   */
  inputs(batch: B, architecture: Architecture, words?: Float32Array): I;
  targets(batch: B): T;
  /** The model's answers, [rows, columns] as the job defines them, rows in the order of the examples. */
  forward(parameters: Parameters, architecture: Architecture, inputs: I): tf.Tensor2D;
  /** Mean loss over the examples. */
  loss(answers: tf.Tensor2D, targets: T): tf.Scalar;
  /** Made-up examples that fill every column: to try an engine, and for tests. */
  sample(seed: string, count: number): ExampleSet<B>;
  readonly evaluation: JobEvaluation;
  /** Absent where the job makes no forecasts. */
  readonly forecaster?: Forecaster<B>;
}

/** What a job's answers to `JobData.now` say of the periods ahead. */
export interface Forecaster<B extends Batch = Batch> {
  /** The most periods that can be forecast for this data. */
  mostPeriods(data: JobData): number;
  /**
   * @param indices of the examples in `data.now`, a row of the batch each
   * @param answers as {@link JobModel.forward} gives them, flat
   * @param periods how many periods ahead, 1 or more
   */
  read(
    data: JobData,
    indices: readonly number[],
    batch: B,
    answers: Float32Array,
    periods: number,
  ): readonly SeriesForecast[];
}

/** A measure of answers on a hold-out. */
export interface Metric {
  /** A key in JSON, such as `wql`. */
  readonly name: string;
  /** As tables head it. */
  readonly label: string;
  /** `neither`: there is a best value in between, as the meaning says. */
  readonly better: 'lower' | 'higher' | 'neither';
  /** What it tells, in one sentence. */
  readonly meaning: string;
}

/** A simple method that every model is held against. */
export interface Baseline {
  /** A key in JSON, such as `seasonalNaive`. */
  readonly name: string;
  readonly label: string;
}

/** What a method's answers are worth on one split. */
export interface Score {
  /** By metric; undefined where the split does not tell. */
  readonly values: Readonly<Record<string, number | undefined>>;
  /** What a choice between models goes by: less is better, Infinity where nothing is known. */
  readonly loss: number;
  /** 95 % interval of the first metric. */
  interval(): Interval | undefined;
  /** The first metric of this divided by that of `other`, minus 1, with its 95 % interval. */
  changeFrom(other: Score): { readonly change: number; readonly interval: Interval } | undefined;
}

/** A model's answers to a batch as `JobModel.forward` gives them, flat. */
export type Answer = (batch: Batch) => Promise<Float32Array>;

export interface ScoreOptions {
  /** At most so many examples, spread evenly through the split. */
  readonly limit?: number;
  /** Examples that go through the engine at once. */
  readonly examplesAtOnce: number;
  readonly signal?: AbortSignal | undefined;
}

/** How a job's answers are judged on a merchant's hold-out, and against what. */
export interface JobEvaluation {
  /** The first one decides. */
  readonly metrics: readonly [Metric, ...Metric[]];
  readonly baselines: readonly Baseline[];
  /** @throws HansaError Interrupted (when the signal aborts) */
  score(data: JobData, split: 'validation' | 'test', answer: Answer, options: ScoreOptions): Promise<Score>;
  /**
   * Every baseline's score on a split, by its name.
   *
   * @throws HansaError InvalidData (where the test split cannot tell methods apart)
   * @throws HansaError Interrupted (when the signal aborts)
   */
  scoreBaselines(
    data: JobData,
    split: 'validation' | 'test',
    signal: AbortSignal | undefined,
  ): Promise<ReadonlyMap<string, Score>>;
  /** One example of the hold-out for a picture, as JSON; undefined where there is none to show. */
  picture(data: JobData, score: Score, answer: Answer): Promise<unknown>;
}
