export { type DataConfig, dataConfigSchema, type FrequencyShape, frequencyShapes } from './config.ts';
export { loadMerchantData } from './load/merchantData.ts';
export type { MerchantData } from './windows.ts';
