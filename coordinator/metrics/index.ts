export { labelWords } from './labelWords.ts';
export { type MetricDescription, type MetricName, metricNames } from './metricNames.ts';
