/** Names of cleaning's counts. */
export const cleaningEnglish: Record<string, string> = {
  rowsRead: 'lines read',
  rowsUsed: 'lines used',
  duplicatesRemoved: 'duplicates removed',
  identicalKept: 'identical lines kept',
  missingPeriodsFilled: 'missing periods filled with zero',
  returnLines: 'lines that are returns',
  returnedUnits: 'units returned',
  outliersCut: 'outliers cut',
  stockOutPeriods: 'periods sold out',
  incompletePeriods: 'incomplete periods left out',
  seriesRead: 'series read',
  seriesTooShort: 'series too short',
  seriesAllZero: 'series without a sale',
  seriesUsed: 'series used',
  zeroWindowsSkipped: 'empty windows skipped',
};

/** As {@link cleaningEnglish}. */
export const cleaningChinese: Record<string, string> = {
  rowsRead: '读入行数',
  rowsUsed: '使用行数',
  duplicatesRemoved: '删除的重复行',
  identicalKept: '保留的相同行',
  missingPeriodsFilled: '以零补上的缺失时段',
  returnLines: '退货行',
  returnedUnits: '退货件数',
  outliersCut: '截去的异常值',
  stockOutPeriods: '缺货时段',
  incompletePeriods: '舍去的不完整时段',
  seriesRead: '读入的序列',
  seriesTooShort: '过短的序列',
  seriesAllZero: '没有销量的序列',
  seriesUsed: '使用的序列',
  zeroWindowsSkipped: '跳过的全零窗口',
};
