export {
  type DataConfig,
  dataConfigSchema,
  type Frequency,
  type FrequencyShape,
  frequencyShapes,
} from '../jobs/demand/config.ts';
export { checkData, type DataCheck, describeCheck } from '../jobs/demand/load/checkData.ts';
export { type CleaningReport, describeCleaning } from '../jobs/demand/load/cleaning.ts';
export { type LoadOptions, loadMerchantData } from '../jobs/demand/load/merchantData.ts';
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
} from '../jobs/demand/windows.ts';
