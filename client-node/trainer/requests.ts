import type { ModelFiles } from '../gradient/localModel.ts';
import type { DataConfig } from '../jobs/demand/config.ts';
import type { LocalPlan } from '../training/localTraining.ts';

/** One round's local training. */
export interface TrainRequest extends ModelFiles {
  /** From 1: in some modes it decides which part is trained. */
  readonly round: number;
  /** Where the update is written: local minus received weights of the trained part, little-endian float32, in the manifest's order. */
  readonly updateFile: string;
  /** Where and how often the state of training is kept, so that another process can go on from it. */
  readonly checkpoint?: { readonly file: string; readonly everyMs: number };
  /** Resident memory that the process may take. */
  readonly maxMemoryBytes?: number | undefined;
  readonly steps: number;
  readonly batchSize: number;
  readonly learningRate: number;
  /** Steps over which the learning rate rises from 0. */
  readonly warmupSteps: number;
  /** Decides, with the data, which windows are drawn; equal seeds and data on one engine give equal updates. */
  readonly seed: string | number;
  readonly optimizer: 'adamW' | 'sgd';
  /** Every training window once a step, all of equal weight, instead of drawn batches. */
  readonly fullBatch?: boolean;
  /** μ of FedProx; 0 where absent. */
  readonly proximalMu?: number;
  readonly earlyStop?: LocalPlan['earlyStop'];
}

export interface TrainResult {
  /** Steps taken: fewer than asked for where training stopped early. */
  readonly steps: number;
  /** Training windows that this merchant has. */
  readonly windows: number;
  /** Mean loss of the batches trained on. */
  readonly trainLoss: number;
  /** Loss of the model as received, on the validation windows (a fixed draw of them where there are many). */
  readonly validationLoss: number;
  /** Windows that went through the engine at once. */
  readonly windowsAtOnce: number;
  /** The most resident memory that the process has ever had. */
  readonly peakMemoryBytes: number;
  readonly seconds: number;
}

/** The four ways to forecast that a merchant can choose from; federated ones need the league. */
export const methods = ['seasonalNaive', 'localOnly', 'federated', 'fineTuned'] as const;
export type Method = (typeof methods)[number];

/**
 * The comparison: seasonal naive; local-only, rounds · localSteps + fineTuneSteps steps from the same start; the federated model; and that after
 * fineTuneSteps of local steps. Local-only and fine-tuning train the same part of the model as the rounds did, and each take the learning rate of
 * the grid that does best on validation.
 */
export interface CompareRequest {
  /** The model or adapter that round 1 started from. */
  readonly initialModelFile: string;
  readonly federatedModelFile: string;
  readonly job: ModelFiles['job'];
  readonly adapter?: ModelFiles['adapter'];
  /** Resident memory that the process may take. */
  readonly maxMemoryBytes?: number | undefined;
  readonly earlyStop?: LocalPlan['earlyStop'];
  readonly rounds: number;
  readonly localSteps: number;
  readonly fineTuneSteps: number;
  readonly batchSize: number;
  readonly warmupSteps: number;
  readonly optimizer: 'adamW' | 'sgd';
  readonly learningRates: readonly number[];
  readonly seed: string | number;
}

export type Interval = readonly [low: number, high: number];

/** How much lower or higher one method's WQL is than another's, with its 95 % interval (paired bootstrap over series). */
export interface Comparison {
  readonly method: Method;
  readonly against: Method;
  /** WQL of `method` divided by that of `against`, minus 1: below 0 the method is better. */
  readonly change: number;
  readonly interval: Interval;
}

/** One series of the hold-out for a picture. */
export interface ForecastExample {
  readonly frequency: 'day' | 'week' | 'month';
  readonly series: string;
  /** First day of the first forecast period, YYYY-MM-DD. */
  readonly origin: string;
  /** Units of the periods before the origin, oldest first; null where sold out. */
  readonly history: readonly (number | null)[];
  /** Units of each forecast period; null where not observed or sold out. */
  readonly actual: readonly (number | null)[];
  readonly levels: readonly number[];
  /** [level][period] of the fine-tuned federated model, in units. */
  readonly quantiles: readonly (readonly number[])[];
  readonly seasonalNaive: readonly number[];
}

export interface CompareResult {
  /** Windows of the hold-out. */
  readonly windows: number;
  /** Optimiser steps that each method took, at most. */
  readonly steps: Readonly<Record<Method, number>>;
  readonly wql: Readonly<Record<Method, number>>;
  readonly wape: Readonly<Record<Method, number>>;
  /** 95 % intervals of WQL by a bootstrap over series; undefined where nothing was sold. */
  readonly wqlIntervals: Readonly<Record<Method, Interval | undefined>>;
  readonly comparisons: readonly Comparison[];
  /** Chosen on validation. */
  readonly learningRates: Readonly<Record<'localOnly' | 'fineTuned', number>>;
  readonly example: ForecastExample | undefined;
  readonly seconds: number;
}

export interface Progress {
  readonly step: number;
  readonly steps: number;
  /** Loss of the latest batch; undefined while nothing is trained. */
  readonly loss: number | undefined;
  /** What is going on, in a few words; only comparisons tell. */
  readonly doing?: string;
  /** Whether training goes on from a checkpoint: `step` steps were taken before. */
  readonly resumed?: boolean;
  /** What went wrong and does not stop the job; told alone. */
  readonly warning?: string;
}

/** What a process held once it had loaded the data, before it held a model. */
export interface Held {
  /** Of the data, see MerchantData. */
  readonly digest: string;
  /** Resident memory. */
  readonly bytes: number;
}

export interface LoadRequest {
  readonly data: DataConfig;
  readonly baseFolder: string;
  readonly scratchFolder: string;
  /** What the process before this one held: where it is the same data, what fits into memory is reckoned as it was. */
  readonly heldBefore?: Held | undefined;
}
