import type { Trainer } from '@hansa/client-node/trainer';

/** The parts of a trainer that has neither engine nor data: whoever uses it says what `train` gives. */
export function noTrainer(reason: string): Omit<Trainer, 'train'> {
  return {
    engine: { name: 'cpu', reason, passedOver: [], measured: [] },
    data: {
      frequency: 'day',
      rows: 0,
      series: 0,
      trainWindows: 1,
      validationWindows: 0,
      testWindows: 0,
      held: { digest: '', bytes: 0 },
      cleaning: nothingCleaned,
    },
    compare: () => Promise.reject(new RangeError('this node has no data')),
    close: async () => undefined,
  };
}

const nothingCleaned = {
  rowsRead: 0,
  rowsUsed: 0,
  duplicatesRemoved: 0,
  identicalKept: 0,
  missingPeriodsFilled: 0,
  returnLines: 0,
  returnedUnits: 0,
  outliersCut: 0,
  stockOutPeriods: 0,
  incompletePeriods: 0,
  seriesRead: 0,
  seriesAllZero: 0,
  seriesTooShort: 0,
  seriesUsed: 0,
  zeroWindowsSkipped: 0,
  warnings: [],
};
