import type { JobName } from '@hansa/shared/model';
import type { LocalTraining } from '@hansa/shared/protocol';
import type { Comparison, ComparisonRequest } from '../evaluation/compareMethods.ts';
import type { ModelFiles } from '../gradient/localModel.ts';
import type { DataReport, JobDataConfig } from '../jobs/job.ts';

/** A round's control variates, files of one tensor each. */
export interface ControlRequest {
  readonly taskId: string;
  /** This node's roster index. */
  readonly member: number;
  /** c; undefined where it is zero. */
  readonly common: string | undefined;
  /** cᵢ; undefined where it is c. */
  readonly own: string | undefined;
  /** Where cᵢ⁺ is written. */
  readonly next: string;
  /** L2 bound on cᵢ⁺ − cᵢ. */
  readonly clipNorm: number;
}

/** One round's local training. */
export interface TrainRequest extends ModelFiles {
  /** From 1: in some modes it decides which part is trained, and in some plans the learning rate. */
  readonly round: number;
  /** Of the task. */
  readonly rounds: number;
  readonly training: LocalTraining;
  /** Where the update is written: local minus received weights of the trained part, little-endian float32, in the segments' order. */
  readonly updateFile: string;
  /** What SCAFFOLD trains with; with it `updateFile` has the change of the control variate behind the update. */
  readonly control?: ControlRequest | undefined;
  /** Where and how often the state of training is kept, so that another process can go on from it. */
  readonly checkpoint?: { readonly file: string; readonly everyMs: number };
  /** Resident memory that the process may take. */
  readonly maxMemoryBytes?: number | undefined;
  /** Decides, with the data, which examples are drawn; equal seeds and data on one engine give equal updates. */
  readonly seed: string | number;
  /** Every training example once a step, all of equal weight, instead of drawn batches. */
  readonly fullBatch?: boolean;
}

export interface TrainResult {
  /** Steps taken: fewer than asked for where training stopped early. */
  readonly steps: number;
  /** Steps that made the update: fewer than were taken where early stopping went back to its best check. */
  readonly stepsInUpdate: number;
  /** Training examples that this merchant has. */
  readonly examples: number;
  /** Mean loss of the batches trained on. */
  readonly trainLoss: number;
  /** Loss of the model as received, on the validation examples (a fixed draw of them where there are many). */
  readonly validationLoss: number;
  /** What the job reports beside the losses, of the model as received on the same validation examples, by name. */
  readonly metrics: Readonly<Record<string, number>>;
  /** Examples that went through the engine at once. */
  readonly examplesAtOnce: number;
  /** The most resident memory that the process has ever had. */
  readonly peakMemoryBytes: number;
  readonly seconds: number;
}

/** A comparison of methods on the merchant's hold-out. */
export interface CompareRequest extends ComparisonRequest {
  /** Where the selected model is to be written; nowhere when undefined, and where the task passes adapters around. */
  readonly selectedModelFile?: string | undefined;
  /** Resident memory that the process may take. */
  readonly maxMemoryBytes?: number | undefined;
}
export interface CompareResult extends Comparison {
  /** SHA-256 of the file of the selected model; undefined where none was written. */
  readonly selectedModelHash: string | undefined;
}

/** How far a request is. */
export interface RequestProgress {
  readonly step: number;
  readonly steps: number;
  /** Loss of the latest batch; undefined while nothing is trained. */
  readonly loss: number | undefined;
  /** What is going on, in a few words. */
  readonly doing?: string;
  /** Whether training goes on from a checkpoint: `step` steps were taken before. */
  readonly resumed?: boolean;
  /** What went wrong without stopping the request; reported alone. */
  readonly warning?: string;
}

/** What a process held once it had loaded the data, before it held a model. */
export interface Held {
  /** Of the data of all jobs. */
  readonly digest: string;
  /** Resident memory. */
  readonly bytes: number;
}

export interface LoadRequest {
  /** One entry for each job that this node has data for. */
  readonly data: readonly JobDataConfig[];
  readonly baseFolder: string;
  readonly scratchFolder: string;
  /** What the process before this one held: where the data is the same, so is what fits into memory. */
  readonly heldBefore?: Held | undefined;
}

/** What was loaded for one job. */
export interface LoadedData {
  readonly job: JobName;
  /** Lines read. */
  readonly rows: number;
  readonly trainExamples: number;
  readonly validationExamples: number;
  readonly testExamples: number;
  readonly report: DataReport;
}

export interface LoadResult {
  readonly data: readonly LoadedData[];
  readonly held: Held;
}
