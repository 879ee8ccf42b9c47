export type { ModelFiles } from '../gradient/localModel.ts';
export { FORECAST_BATCH, FORECAST_STEPS, forecastTraining, type SizeForecast } from './forecast.ts';
export {
  type CompareRequest,
  type CompareResult,
  type Comparison,
  type ForecastExample,
  type Interval,
  type Method,
  methods,
  type Progress,
  type TrainRequest,
  type TrainResult,
} from './requests.ts';
export { startTrainer, type Trainer, type TrainerOptions } from './trainer.ts';
export type { LoadedData } from './workerMessages.ts';
