/** The words of the page of forecasts. */
export interface Words {
  readonly lang: string;
  readonly title: string;
  readonly lead: (series: number, periods: string) => string;
  readonly rest: (shown: number, series: number) => string;
  readonly search: string;
  readonly nothingFound: string;
  readonly total: (period: string) => string;
  readonly horizon: string;
  readonly likely: string;
  readonly change: (percent: number, before: string) => string;
  readonly newItem: string;
  readonly history: string;
  readonly median: string;
  readonly band80: string;
  readonly band40: string;
  readonly table: string;
  readonly period: string;
  readonly mean: string;
  readonly number: (value: number) => string;
  readonly unit: Readonly<Record<'day' | 'week' | 'month', (count: number) => string>>;
}

const signed = (percent: number) => `${percent > 0 ? '+' : percent < 0 ? '−' : '±'}${Math.abs(percent).toFixed(0)} %`;

const numberIn = (locale: string) => (value: number) =>
  value.toLocaleString(locale, { maximumFractionDigits: Math.abs(value) < 10 ? 1 : 0 });

const english: Words = {
  lang: 'en',
  title: 'Demand forecast',
  lead: (series, periods) =>
    `${series.toLocaleString('en-US')} series, the next ${periods}. Those whose demand is expected to change most come first.`,
  rest: (shown, series) =>
    `The page shows ${shown.toLocaleString('en-US')} of ${series.toLocaleString('en-US')}: all of them are in the CSV, Parquet and JSON files.`,
  search: 'Search items and locations',
  nothingFound: 'No item or location has this in its name.',
  total: (period) => `expected in all, ${period}`,
  horizon: 'expected in all, whole horizon',
  likely: '8 of 10 times between',
  change: (percent, before) => `${signed(percent)} against the ${before} before`,
  newItem: 'Too new to compare with before',
  history: 'sold',
  median: 'forecast (median)',
  band80: '8 of 10 times in here',
  band40: '4 of 10 times in here',
  table: 'Numbers',
  period: 'from',
  mean: 'mean',
  number: numberIn('en-US'),
  unit: {
    day: (count) => (count === 1 ? '1 day' : `${count} days`),
    week: (count) => (count === 1 ? '1 week' : `${count} weeks`),
    month: (count) => (count === 1 ? '1 month' : `${count} months`),
  },
};

const chinese: Words = {
  lang: 'zh-Hans',
  title: '需求预测',
  lead: (series, periods) => `${series.toLocaleString('zh-CN')} 个序列，未来 ${periods}。预计变化最大的排在最前。`,
  rest: (shown, series) =>
    `本页显示 ${series.toLocaleString('zh-CN')} 个序列中的 ${shown.toLocaleString('zh-CN')} 个；全部序列见 CSV、Parquet 和 JSON 文件。`,
  search: '搜索商品和地点',
  nothingFound: '没有名称中包含该文字的商品或地点。',
  total: (period) => `${period} 预计总量`,
  horizon: '整个预测期预计总量',
  likely: '十次中有八次介于',
  change: (percent, before) => `与之前 ${before}相比 ${signed(percent)}`,
  newItem: '商品太新，无法与之前比较',
  history: '已售',
  median: '预测（中位数）',
  band80: '十次中有八次在此范围',
  band40: '十次中有四次在此范围',
  table: '数值',
  period: '开始日期',
  mean: '均值',
  number: numberIn('zh-CN'),
  unit: { day: (count) => `${count} 天`, week: (count) => `${count} 周`, month: (count) => `${count} 个月` },
};

export const pageWords = { en: english, zh: chinese } as const;
export type PageLanguage = keyof typeof pageWords;
