export {
  type AdapterMode,
  adapterManifest,
  frozenFactors,
  initialAdapter,
  isAdapterOf,
  loraScale,
  trainedRange,
  type VectorRange,
} from './adapter.ts';
export {
  type Architecture,
  architectureAround,
  architectureOf,
  architectureOfMetadata,
  architectureSchema,
  DEMAND_QUANTILES,
  type ModelSize,
  modelMetadata,
  modelSizes,
  PATCH_PERIODS,
  PATCH_WIDTH,
  PERIOD_CHANNELS,
} from './architecture.ts';
export {
  architectureOfHeader,
  DEMAND_ANCHORS,
  DEMAND_COLUMNS,
  DEMAND_ROWS,
  manifestFor,
  WORD_EMBEDDINGS,
} from './manifestFor.ts';
export { factorNames, isLora, type TrainingMode, trainingModeSchema } from './trainingMode.ts';
