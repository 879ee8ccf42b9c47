export { checkData, type DataCheck, describeCheck } from './checkData.ts';
export { type CleaningReport, describeCleaning } from './cleaning.ts';
export {
  type DataConfig,
  dataConfigSchema,
  type Frequency,
  type FrequencyShape,
  frequencyShapes,
} from './dataConfig.ts';
export { type LoadOptions, loadMerchantData } from './merchantData.ts';
export {
  CHANNEL,
  CHANNELS,
  type MerchantData,
  PAST_PATCHES,
  PAST_PERIODS,
  PATCH_LENGTH,
  PATCH_PERIODS,
  type WindowBatch,
  type WindowDescription,
  type WindowSet,
} from './windows.ts';
