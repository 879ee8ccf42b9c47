export {
  type AdapterMode,
  type AdapterTrained,
  adapterManifest,
  adapterOfHeader,
  assertAdapterOf,
  type BaseModel,
  frozenFactors,
  initialAdapter,
  loraScale,
} from './adapter.ts';
export {
  type Architecture,
  architectureAround,
  architectureOf,
  architectureOfMetadata,
  architectureSchema,
  jobsOf,
  MOST_WORD_BYTES,
  type ModelSize,
  modelMetadata,
  modelSizes,
} from './architecture.ts';
export {
  type JobName,
  type JobOptions,
  jobNames,
  jobOptionsSchema,
  jobTerms,
  standardHeads,
  tailMetricsOf,
} from './jobs/index.ts';
export type { TailMetric, TensorShape } from './jobs/job.ts';
export { meansOfKnown, reportOf } from './jobs/reported.ts';
export { architectureOfHeader, manifestFor, tensorsOf, WORD_EMBEDDINGS } from './manifestFor.ts';
export { partsOf, type SegmentPart } from './partsOf.ts';
export {
  gather,
  isIn,
  isPublic,
  lengthOf,
  placeOf,
  type Segment,
  type SegmentName,
  scatter,
  segmentNames,
  stretchesOf,
  type Trained,
  trainedSegments,
} from './segments.ts';
export { adaptedMatrices, factorNames, isLora, type TrainingMode, trainingModeSchema } from './trainingMode.ts';
