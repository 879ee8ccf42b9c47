import type { ErrorCode } from '@hansa/shared/errors';
import type { ForecastRequest, ForecastResult } from '../forecasting/writeForecasts.ts';
import type {
  CompareRequest,
  CompareResult,
  LoadRequest,
  LoadResult,
  RequestProgress,
  TrainRequest,
  TrainResult,
} from './requests.ts';

/** What the worker can be asked for: what each request takes and gives. Both ends are this program, so types do the checking. */
export interface Requests {
  readonly load: { request: LoadRequest; result: LoadResult };
  readonly train: { request: TrainRequest; result: TrainResult };
  readonly compare: { request: CompareRequest; result: CompareResult };
  readonly forecast: { request: ForecastRequest; result: ForecastResult };
}
export type RequestName = keyof Requests;

export type ToWorker =
  | { readonly type: 'request'; readonly id: number; readonly name: RequestName; readonly request: unknown }
  | { readonly type: 'cancel'; readonly id: number };

export type FromWorker =
  | { readonly type: 'progress'; readonly id: number; readonly progress: RequestProgress }
  | { readonly type: 'done'; readonly id: number; readonly result: unknown }
  | { readonly type: 'failed'; readonly id: number; readonly code: ErrorCode; readonly message: string };
