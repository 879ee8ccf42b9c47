export {
  type AdapterMode,
  adapterManifest,
  adapterOfHeader,
  assertAdapterOf,
  type BaseModel,
  frozenFactors,
  initialAdapter,
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
  MOST_WORD_BYTES,
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
export { adaptedMatrices, factorNames, isLora, type TrainingMode, trainingModeSchema } from './trainingMode.ts';
