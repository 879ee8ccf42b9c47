import type { MetricName, metricNames } from '@hansa/coordinator/metrics';

type Labels<N extends MetricName> = (typeof metricNames)[N]['labels'];
type NamesOf<Type extends string> = {
  [N in MetricName]: (typeof metricNames)[N]['type'] extends Type ? N : never;
}[MetricName];
/** A closed set of label values takes one of them; an open set takes any text. */
type LabelValue<Values> = Values extends readonly []
  ? string
  : Values extends readonly (infer V extends string)[]
    ? V
    : never;
type Matchers<N extends MetricName> = { readonly [L in keyof Labels<N> & string]?: LabelValue<Labels<N>[L]> };

/** Metrics that prom-client adds to every process and that the dashboard reads. */
export const processMetrics = [
  'process_resident_memory_bytes',
  'nodejs_heap_size_used_bytes',
  'nodejs_eventloop_lag_mean_seconds',
  'nodejs_eventloop_lag_p99_seconds',
] as const;

/** Every process exposes process_*: without the coordinator's instance the panels would mix it with Prometheus' own. */
const coordinator = 'instance="$coordinator"';

function selector(name: string, matchers: Readonly<Record<string, string | undefined>> = {}): string {
  const pairs = Object.entries(matchers).map(([label, value]) => `${label}="${value}"`);
  return `${name}{${[coordinator, ...pairs].join(',')}}`;
}

/** Selects a counter or gauge of the chosen coordinator; a name or a label value that it does not have is a type error. */
export function metric<N extends NamesOf<'counter' | 'gauge'>>(name: N, matchers: Matchers<N> = {}): string {
  return selector(name, matchers);
}

/** Selects the sum and the count of a histogram of the chosen coordinator. */
export function histogram<N extends NamesOf<'histogram'>>(
  name: N,
  matchers: Matchers<N> = {},
): { readonly sum: string; readonly count: string } {
  return { sum: selector(`${name}_sum`, matchers), count: selector(`${name}_count`, matchers) };
}

/** Selects a metric of the coordinator's process. */
export function processMetric(name: (typeof processMetrics)[number]): string {
  return selector(name);
}

/** How often something happened in the dashboard's time range, as a whole number: Prometheus extrapolates to fractions. */
export function timesInRange(counter: string, by?: string): string {
  return `round(sum${by === undefined ? '' : ` by (${by})`} (increase(${counter}[$__range])))`;
}
