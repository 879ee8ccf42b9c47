/** Names of everything that `hansa-client evaluate` compares. */
export const forecastsEnglish: Record<string, string> = {
  zero: 'Zero everywhere',
  seasonalNaive: 'Seasonal naive',
  empirical13: 'Quantiles of 13 periods',
  empirical26: 'Quantiles of 26 periods',
  ets: 'Exponential smoothing',
  croston: 'Croston',
  sba: 'Croston, corrected (SBA)',
  tsb: 'Croston, by period (TSB)',
  untrained: 'Untrained model',
  localOnly: 'Own data only',
  federated: 'League model',
  fineTuned: 'League, fine-tuned',
  blended: 'Mean of league and tuned',
};

/** As {@link forecastsEnglish}. */
export const forecastsChinese: Record<string, string> = {
  zero: '一律为零',
  seasonalNaive: '季节性朴素预测',
  empirical13: '近 13 期的分位数',
  empirical26: '近 26 期的分位数',
  ets: '指数平滑',
  croston: 'Croston 法',
  sba: '修正的 Croston 法（SBA）',
  tsb: '逐期的 Croston 法（TSB）',
  untrained: '未训练的模型',
  localOnly: '仅用自己的数据',
  federated: '联盟模型',
  fineTuned: '联盟模型，微调后',
  blended: '联盟模型与微调后的平均',
};
