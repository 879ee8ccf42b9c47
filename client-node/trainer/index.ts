export type { Comparison, MethodComparison } from '../evaluation/compareMethods.ts';
export type { ModelFiles } from '../gradient/localModel.ts';
export { FORECAST_BATCH, FORECAST_STEPS, forecastTraining, type SizeForecast } from './forecast.ts';
export type {
  CompareRequest,
  CompareResult,
  ControlRequest,
  LoadedData,
  RequestProgress,
  TrainRequest,
  TrainResult,
} from './requests.ts';
export { startTrainer, type Trainer, type TrainerOptions } from './trainer.ts';
