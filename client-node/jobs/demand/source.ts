import type { JobSource } from '../job.ts';
import { type DataConfig, dataConfigSchema } from './config.ts';
import type { DemandFacts } from './load/describeData.ts';
import type { MerchantData } from './windows.ts';

/** Order lines as windows of each item's sales. */
export const source: JobSource<DataConfig, MerchantData> = {
  config: dataConfigSchema,
  forecasts: true,
  // The database comes with it, and not every process that knows of the job reads files.
  load: async (...asked) => (await import('./load/merchantData.ts')).loadMerchantData(...asked),
  refusal(options, { facts }) {
    const { frequency } = facts as unknown as DemandFacts;
    if (options.kind !== 'demand' || options.frequency === frequency) return undefined;
    return `the task is by ${options.frequency}, this node's data is by ${frequency}`;
  },
};
