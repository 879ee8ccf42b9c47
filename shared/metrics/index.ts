import { Counter, Gauge, Histogram, type Registry } from 'prom-client';

type Labels = Readonly<Record<string, readonly string[]>>;

/** Every combination of label values. */
function combinations(labels: Labels): Record<string, string>[] {
  return Object.entries(labels).reduce<Record<string, string>[]>(
    (rows, [name, values]) => rows.flatMap((row) => values.map((value) => ({ ...row, [name]: value }))),
    [{}],
  );
}

/** A counter whose label values are all known. Each starts at 0, so that the rate of a rare event is 0 and not absent. */
export function startedCounter<L extends Labels>(registry: Registry, name: string, help: string, labels: L) {
  const counter = new Counter({ name, help, labelNames: Object.keys(labels), registers: [registry] });
  for (const row of combinations(labels)) counter.inc(row, 0);
  return counter as Counter<keyof L & string>;
}

/** As {@link startedCounter}, for a gauge. */
export function startedGauge<L extends Labels>(registry: Registry, name: string, help: string, labels: L) {
  const gauge = new Gauge({ name, help, labelNames: Object.keys(labels), registers: [registry] });
  for (const row of combinations(labels)) gauge.set(row, 0);
  return gauge as Gauge<keyof L & string>;
}

/** As {@link startedCounter}, for a histogram; buckets are upper bounds in the metric's base unit. */
export function startedHistogram<L extends Labels>(
  registry: Registry,
  name: string,
  help: string,
  labels: L,
  buckets: readonly number[],
) {
  const histogram = new Histogram({
    name,
    help,
    labelNames: Object.keys(labels),
    buckets: [...buckets],
    registers: [registry],
  });
  for (const row of combinations(labels)) histogram.zero(row);
  return histogram as Histogram<keyof L & string>;
}
