import { coordinatorStates, countedStages, roundPhases } from '@hansa/shared/protocol';

/** One metric as Prometheus shows it. A histogram is read as NAME_bucket, NAME_sum and NAME_count. */
export interface MetricDescription {
  readonly type: 'counter' | 'gauge' | 'histogram';
  readonly help: string;
  /** Label names and, where the set is closed, all their values; an open set is an empty list. */
  readonly labels: Readonly<Record<string, readonly string[]>>;
}

/** Every metric that the coordinator defines itself; prom-client's own come beside them (process_*, nodejs_*). */
export const metricNames = {
  hansa_build_info: {
    type: 'gauge',
    help: 'Constant 1; which build runs.',
    labels: { version: [], role: ['coordinator'] },
  },
  hansa_round_number: {
    type: 'gauge',
    help: 'Number of the round in progress, or of the last one; 0 before the first.',
    labels: {},
  },
  hansa_round_state: {
    type: 'gauge',
    help: '1 for the phase the coordinator is in, 0 for the others.',
    labels: { state: coordinatorStates },
  },
  hansa_round_deadline_timestamp_seconds: {
    type: 'gauge',
    help: 'When the phase in progress ends at the latest (Unix time); 0 between rounds.',
    labels: {},
  },
  hansa_rounds_total: {
    type: 'counter',
    help: 'Attempts at a round that ended, by outcome.',
    labels: { outcome: ['committed', 'abandoned'] },
  },
  hansa_round_duration_seconds: {
    type: 'histogram',
    help: 'Time from opening a round to publishing its model; committed rounds only.',
    labels: {},
  },
  hansa_round_phase_duration_seconds: {
    type: 'histogram',
    help: 'Time a committed round spent in each phase.',
    labels: { phase: roundPhases },
  },
  hansa_round_participants: {
    type: 'gauge',
    help: 'Members of the round in progress, or of the last one, that reached each stage.',
    labels: { stage: countedStages.map(({ label }) => label) },
  },
  hansa_round_participants_required: {
    type: 'gauge',
    help: 'Members that must survive for the sum to be opened, in the round in progress or the last one.',
    labels: {},
  },
  hansa_model_eval_loss: {
    type: 'gauge',
    help: 'Mean loss over the survivors of the last committed round, from the unmasked sum. validation: of the model that the round started from.',
    labels: { split: ['train', 'validation'] },
  },
  hansa_model_version: {
    type: 'gauge',
    help: 'How many rounds the newest model has behind it.',
    labels: {},
  },
  hansa_model_published_timestamp_seconds: {
    type: 'gauge',
    help: 'When the newest model was published (Unix time); 0 before the first.',
    labels: {},
  },
  hansa_updates_total: {
    type: 'counter',
    help: 'Masked vectors that were uploaded, by what became of them.',
    labels: {
      result: ['committed', 'refused'],
      reason: ['none', 'wrongHash', 'wrongLength', 'storageFull', 'late', 'other'],
    },
  },
  hansa_messages_refused_total: {
    type: 'counter',
    help: 'Control messages of nodes that were refused, by error code.',
    labels: {
      code: [
        'InvalidMessage',
        'UnexpectedMessage',
        'ConflictingMessage',
        'WrongRound',
        'UnknownSetup',
        'BadSignature',
        'UnsupportedProtocolVersion',
        'TooManyRequests',
        'other',
      ],
    },
  },
  hansa_clients_registered: {
    type: 'gauge',
    help: 'Nodes that are enrolled, by state.',
    labels: { state: ['active'] },
  },
  hansa_clients_connected: {
    type: 'gauge',
    help: 'Nodes whose connection has proved its identity.',
    labels: {},
  },
  hansa_transfer_bytes_total: {
    type: 'counter',
    help: 'Bytes moved between coordinator and nodes; up is towards the coordinator.',
    labels: { direction: ['up', 'down'], kind: ['model', 'update', 'control'] },
  },
  hansa_secagg_dropouts_total: {
    type: 'counter',
    help: 'Members that dropped out of a round, by the phase they were in.',
    labels: { stage: roundPhases },
  },
  hansa_secagg_unmask_seconds: {
    type: 'histogram',
    help: 'Time to fold the committed vectors, subtract the masks and write the new model.',
    labels: {},
  },
  hansa_auth_failures_total: {
    type: 'counter',
    help: 'Refused proofs of identity.',
    labels: {
      method: ['enrolment', 'handshake', 'request', 'admin'],
      reason: ['unknown', 'badSignature', 'replayed', 'token', 'version', 'malformed', 'rate'],
    },
  },
  http_request_duration_seconds: {
    type: 'histogram',
    help: 'Time to answer an HTTP request.',
    labels: { route: [], method: [], status_class: ['1xx', '2xx', '3xx', '4xx', '5xx'] },
  },
} as const satisfies Record<string, MetricDescription>;

export type MetricName = keyof typeof metricNames;
