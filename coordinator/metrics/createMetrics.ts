import { startedCounter, startedGauge, startedHistogram } from '@hansa/shared/metrics';
import { collectDefaultMetrics, Histogram, Registry } from 'prom-client';
import { metricNames } from './metricNames.ts';

const roundBuckets = [0.5, 1, 2, 5, 10, 20, 30, 60, 120, 300, 600, 1800, 3600, 14_400];
const phaseBuckets = [0.01, 0.05, 0.1, 0.5, 1, 2, 5, 10, 30, 60, 120, 300, 600, 1800, 3600];
const unmaskBuckets = [0.01, 0.05, 0.1, 0.25, 0.5, 1, 2, 5, 10, 30, 60];
const httpBuckets = [0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1, 5, 30, 120];

export type Metrics = ReturnType<typeof createMetrics>;

/** The coordinator's metrics, each label value started at 0, in a registry of their own beside prom-client's defaults. */
export function createMetrics(version: string) {
  const registry = new Registry();
  collectDefaultMetrics({ register: registry });
  const gauge = <Name extends GaugeName>(name: Name) => {
    const { help, labels } = metricNames[name];
    return startedGauge<(typeof metricNames)[Name]['labels']>(registry, name, help, labels);
  };
  const counter = <Name extends CounterName>(name: Name) => {
    const { help, labels } = metricNames[name];
    return startedCounter<(typeof metricNames)[Name]['labels']>(registry, name, help, labels);
  };
  const histogram = <Name extends HistogramName>(name: Name, buckets: readonly number[]) => {
    const { help, labels } = metricNames[name];
    return startedHistogram<(typeof metricNames)[Name]['labels']>(registry, name, help, labels, buckets);
  };
  const http = metricNames.http_request_duration_seconds;
  const metrics = {
    registry,
    buildInfo: gauge('hansa_build_info'),
    roundNumber: gauge('hansa_round_number'),
    roundState: gauge('hansa_round_state'),
    roundDeadline: gauge('hansa_round_deadline_timestamp_seconds'),
    rounds: counter('hansa_rounds_total'),
    roundDuration: histogram('hansa_round_duration_seconds', roundBuckets),
    phaseDuration: histogram('hansa_round_phase_duration_seconds', phaseBuckets),
    participants: gauge('hansa_round_participants'),
    participantsRequired: gauge('hansa_round_participants_required'),
    evalLoss: gauge('hansa_model_eval_loss'),
    modelVersion: gauge('hansa_model_version'),
    modelPublished: gauge('hansa_model_published_timestamp_seconds'),
    updates: counter('hansa_updates_total'),
    messagesRefused: counter('hansa_messages_refused_total'),
    clientsRegistered: gauge('hansa_clients_registered'),
    clientsConnected: gauge('hansa_clients_connected'),
    transferBytes: counter('hansa_transfer_bytes_total'),
    dropouts: counter('hansa_secagg_dropouts_total'),
    unmaskDuration: histogram('hansa_secagg_unmask_seconds', unmaskBuckets),
    authFailures: counter('hansa_auth_failures_total'),
    // Routes are known only once they are registered: this one is not started at 0.
    httpDuration: new Histogram({
      name: 'http_request_duration_seconds',
      help: http.help,
      labelNames: Object.keys(http.labels),
      buckets: httpBuckets,
      registers: [registry],
    }),
  };
  metrics.buildInfo.set({ version, role: 'coordinator' }, 1);
  metrics.roundState.set({ state: 'idle' }, 1);
  return metrics;
}

type Named<Type extends string> = {
  [Name in keyof typeof metricNames]: (typeof metricNames)[Name]['type'] extends Type ? Name : never;
}[keyof typeof metricNames];
type GaugeName = Named<'gauge'>;
type CounterName = Named<'counter'>;
type HistogramName = Exclude<Named<'histogram'>, 'http_request_duration_seconds'>;
