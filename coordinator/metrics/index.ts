export { type MetricDescription, type MetricName, metricNames } from './metricNames.ts';
