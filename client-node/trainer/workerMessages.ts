import type { ErrorCode } from '@hansa/shared/errors';
import type { CleaningReport } from '../jobs/demand/load/cleaning.ts';
import type {
  CompareRequest,
  CompareResult,
  Held,
  LoadRequest,
  Progress,
  TrainRequest,
  TrainResult,
} from './requests.ts';

/** What the worker has loaded. */
export interface LoadedData {
  readonly frequency: 'day' | 'week' | 'month';
  /** Order lines read. */
  readonly rows: number;
  readonly series: number;
  readonly trainWindows: number;
  readonly validationWindows: number;
  readonly testWindows: number;
  readonly cleaning: CleaningReport;
  readonly held: Held;
}

/** The worker's jobs: what each takes and gives. Both ends are this program, so types do the checking. */
export interface Jobs {
  readonly load: { request: LoadRequest; result: LoadedData };
  readonly train: { request: TrainRequest; result: TrainResult };
  readonly compare: { request: CompareRequest; result: CompareResult };
}
export type JobName = keyof Jobs;

export type ToWorker =
  | { readonly type: 'job'; readonly id: number; readonly name: JobName; readonly request: unknown }
  | { readonly type: 'cancel'; readonly id: number };

export type FromWorker =
  | { readonly type: 'progress'; readonly id: number; readonly progress: Progress }
  | { readonly type: 'done'; readonly id: number; readonly result: unknown }
  | { readonly type: 'failed'; readonly id: number; readonly code: ErrorCode; readonly message: string };
