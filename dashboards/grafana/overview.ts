import { PanelBuilder as BarGaugePanel } from '@grafana/grafana-foundation-sdk/bargauge';
import {
  BarGaugeDisplayMode,
  BigValueColorMode,
  BigValueGraphMode,
  BigValueTextMode,
  LegendDisplayMode,
  LegendPlacement,
  LineInterpolation,
  ReduceDataOptionsBuilder,
  VisibilityMode,
  VizLegendOptionsBuilder,
  VizOrientation,
  VizTooltipOptionsBuilder,
} from '@grafana/grafana-foundation-sdk/common';
import {
  type Dashboard,
  DashboardBuilder,
  DashboardCursorSync,
  DatasourceVariableBuilder,
  MappingType,
  QueryVariableBuilder,
  RowBuilder,
  ThresholdsConfigBuilder,
  ThresholdsMode,
  VariableRefresh,
} from '@grafana/grafana-foundation-sdk/dashboard';
import { DataqueryBuilder } from '@grafana/grafana-foundation-sdk/prometheus';
import { PanelBuilder as StatPanel } from '@grafana/grafana-foundation-sdk/stat';
import { PanelBuilder as StateTimelinePanel } from '@grafana/grafana-foundation-sdk/statetimeline';
import { PanelBuilder as TimeSeriesPanel } from '@grafana/grafana-foundation-sdk/timeseries';
import { labelWords, metricNames } from '@hansa/coordinator/metrics';
import { histogram, metric, processMetric, timesInRange } from './promql.ts';

const datasource = { type: 'prometheus', uid: '$datasource' } as const;

/** A panel's id is part of links to it: give a new panel the next number and never use one again. */
const ids = {
  nowRow: 1,
  round: 2,
  phase: 3,
  timeLeft: 4,
  rounds: 5,
  clients: 6,
  roundsRow: 7,
  phases: 8,
  participants: 9,
  loss: 10,
  phaseSeconds: 11,
  dropouts: 12,
  refusals: 13,
  serviceRow: 14,
  bytes: 15,
  memory: 16,
  eventLoop: 17,
} as const;

const inWords = (value: string): string => labelWords.get(value) ?? value;

const letters = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ';
const query = (expr: string, legend: string, index = 0) =>
  new DataqueryBuilder().expr(expr).legendFormat(legend).datasource(datasource).refId(letters.charAt(index));
/** Over the time range: a line. */
const line = (expr: string, legend: string, index = 0) => query(expr, legend, index).range();
/** At the end of the time range: one number. */
const now = (expr: string, legend: string, index = 0) => query(expr, legend, index).instant();

const plain = () => new ThresholdsConfigBuilder().mode(ThresholdsMode.Absolute).steps([{ value: null, color: 'text' }]);
const last = () => new ReduceDataOptionsBuilder().calcs(['lastNotNull']);

const stat = (id: number, title: string, description: string, width: number) =>
  new StatPanel()
    .id(id)
    .title(title)
    .description(description)
    .datasource(datasource)
    .height(4)
    .span(width)
    .graphMode(BigValueGraphMode.None)
    .colorMode(BigValueColorMode.Value)
    .thresholds(plain())
    .reduceOptions(last());

const lines = (id: number, title: string, description: string, width: number) =>
  new TimeSeriesPanel()
    .id(id)
    .title(title)
    .description(description)
    .datasource(datasource)
    .height(8)
    .span(width)
    .fillOpacity(0)
    .showPoints(VisibilityMode.Never)
    .tooltip(new VizTooltipOptionsBuilder())
    .legend(
      new VizLegendOptionsBuilder()
        .displayMode(LegendDisplayMode.Table)
        .placement(LegendPlacement.Bottom)
        .showLegend(true)
        .calcs(['lastNotNull', 'max']),
    );

const bars = (id: number, title: string, description: string, width: number) =>
  new BarGaugePanel()
    .id(id)
    .title(title)
    .description(description)
    .datasource(datasource)
    .height(8)
    .span(width)
    .orientation(VizOrientation.Horizontal)
    .displayMode(BarGaugeDisplayMode.Basic)
    .thresholds(new ThresholdsConfigBuilder().mode(ThresholdsMode.Absolute).steps([{ value: null, color: 'blue' }]))
    .min(0)
    .reduceOptions(last());

const round = () =>
  stat(
    ids.round,
    'Round',
    'The round in progress, or the last one when none is running. 0: no round has run since the coordinator started.',
    4,
  ).withTarget(now(metric('hansa_round_number'), 'round'));

const phase = () =>
  stat(
    ids.phase,
    'What the coordinator is doing',
    'The phase of the round it is in. Idle: no task, or between rounds. Waiting for nodes: fewer are connected than the task needs, or it is giving late ones a moment.',
    6,
  )
    .textMode(BigValueTextMode.Name)
    .targets(
      metricNames.hansa_round_state.labels.state.map((state, index) =>
        now(`${metric('hansa_round_state', { state })} == 1`, inWords(state), index),
      ),
    );

const timeLeft = () =>
  stat(
    ids.timeLeft,
    'Time left in this phase',
    "Until the deadline of the phase in progress. Below zero: the phase is past its deadline; if that lasts, read the coordinator's log.",
    5,
  )
    .unit('s')
    .decimals(0)
    .noValue('no deadline running')
    .thresholds(
      new ThresholdsConfigBuilder().mode(ThresholdsMode.Absolute).steps([
        { value: null, color: 'red' },
        { value: 0, color: 'text' },
      ]),
    )
    .withTarget(now(`(${metric('hansa_round_deadline_timestamp_seconds')} > 0) - time()`, 'time left'));

const rounds = () =>
  stat(
    ids.rounds,
    'Rounds since the coordinator started',
    'Committed: a new model was published. Abandoned: too few nodes stayed, or a check failed; nothing was revealed and the round is tried again.',
    5,
  ).targets([
    now(metric('hansa_rounds_total', { outcome: 'committed' }), 'committed', 0),
    now(metric('hansa_rounds_total', { outcome: 'abandoned' }), 'abandoned', 1),
  ]);

const clients = () =>
  stat(
    ids.clients,
    'Nodes',
    'Connected: nodes that are online and have proved who they are. Enrolled: nodes that may take part at all.',
    4,
  ).targets([
    now(metric('hansa_clients_connected'), 'connected', 0),
    now(metric('hansa_clients_registered', { state: 'active' }), 'enrolled', 1),
  ]);

const phases = () =>
  new StateTimelinePanel()
    .id(ids.phases)
    .title('Phases over time')
    .description(
      'A row for each phase; it says "here" while the coordinator was in it. Long rows of training are normal; a long row of anything else is a round that waits for somebody.',
    )
    .datasource(datasource)
    .height(8)
    .span(12)
    .showValue(VisibilityMode.Auto)
    .mergeValues(true)
    .legend(
      new VizLegendOptionsBuilder()
        .showLegend(false)
        .displayMode(LegendDisplayMode.List)
        .placement(LegendPlacement.Bottom)
        .calcs([]),
    )
    .mappings([
      {
        type: MappingType.ValueToText,
        options: { 0: { text: ' ', color: 'transparent', index: 0 }, 1: { text: 'here', color: 'blue', index: 1 } },
      },
    ])
    .targets(
      metricNames.hansa_round_state.labels.state.map((state, index) =>
        line(metric('hansa_round_state', { state }), inWords(state), index),
      ),
    );

const participants = () => {
  const { stage: stages } = metricNames.hansa_round_participants.labels;
  return lines(
    ids.participants,
    'Participants against required',
    'How many nodes of the round reached each stage. The dashed line is how many must stay until the end: with fewer, the round is abandoned and no sum is opened.',
    12,
  )
    .min(0)
    .decimals(0)
    .lineInterpolation(LineInterpolation.StepAfter)
    .targets([
      ...stages.map((stage, index) => line(metric('hansa_round_participants', { stage }), inWords(stage), index)),
      line(metric('hansa_round_participants_required'), 'required', stages.length),
    ])
    .overrideByName('required', [
      { id: 'custom.lineStyle', value: { fill: 'dash', dash: [10, 10] } },
      { id: 'color', value: { mode: 'fixed', fixedColor: 'text' } },
    ]);
};

const loss = () =>
  lines(
    ids.loss,
    'Loss per round',
    "Mean over the nodes that finished the round, taken from the opened sum: nobody sees one node's loss. Each step is a committed round; lower is better. Validation is of the model that the round started from.",
    12,
  )
    .decimals(3)
    .noValue('no round has committed yet')
    .lineInterpolation(LineInterpolation.StepAfter)
    .targets([
      line(`${metric('hansa_model_eval_loss', { split: 'train' })} > 0`, 'training', 0),
      line(`${metric('hansa_model_eval_loss', { split: 'validation' })} > 0`, 'validation', 1),
    ]);

const phaseSeconds = () =>
  bars(
    ids.phaseSeconds,
    'Time by phase of a round',
    'Mean over the rounds committed in the time range chosen above. Together the phases are the round.',
    12,
  )
    .unit('s')
    .noValue('no round committed in this time range')
    .targets(
      metricNames.hansa_round_phase_duration_seconds.labels.phase.map((name, index) => {
        const { sum, count } = histogram('hansa_round_phase_duration_seconds', { phase: name });
        return now(`sum(increase(${sum}[$__range])) / (sum(increase(${count}[$__range])) > 0)`, inWords(name), index);
      }),
    );

const dropouts = () =>
  bars(
    ids.dropouts,
    'Nodes that dropped out',
    'Members lost in the time range chosen above, by the phase they were lost in. The round goes on without them as long as enough stay.',
    12,
  )
    .decimals(0)
    .targets(
      metricNames.hansa_secagg_dropouts_total.labels.stage.map((stage, index) =>
        now(timesInRange(metric('hansa_secagg_dropouts_total', { stage })), inWords(stage), index),
      ),
    );

const refusals = () =>
  bars(
    ids.refusals,
    'Refused, by reason',
    'Updates, messages and proofs of identity that the coordinator refused in the time range chosen above. A refused update is not in the model. One now and then is a late node; many of one kind are a node that is out of date, or somebody trying.',
    12,
  )
    .decimals(0)
    .noValue('nothing was refused in this time range')
    .targets([
      now(
        `${timesInRange(metric('hansa_updates_total', { result: 'refused' }), 'reason')} > 0`,
        'update: {{reason}}',
        0,
      ),
      now(`${timesInRange(metric('hansa_messages_refused_total'), 'code')} > 0`, 'message: {{code}}', 1),
      now(
        `${timesInRange(metric('hansa_auth_failures_total'), 'method, reason')} > 0`,
        'identity at {{method}}: {{reason}}',
        2,
      ),
    ]);

const bytes = () => {
  const rate = (direction: 'up' | 'down', kind: 'model' | 'update' | 'control') =>
    `rate(${metric('hansa_transfer_bytes_total', { direction, kind })}[$__rate_interval])`;
  return lines(
    ids.bytes,
    'Bytes between coordinator and nodes',
    'Up is from the nodes to the coordinator: masked updates, unreadable one by one. Down is from the coordinator to the nodes: the model.',
    12,
  )
    .unit('binBps')
    .min(0)
    .targets([
      line(rate('up', 'update'), 'up: masked updates', 0),
      line(rate('up', 'control'), 'up: control messages', 1),
      line(rate('down', 'model'), 'down: models', 2),
      line(rate('down', 'control'), 'down: control messages', 3),
    ]);
};

const memory = () =>
  lines(
    ids.memory,
    'Memory of the coordinator',
    'Resident: what the process holds of the machine. It should not grow with the number of nodes, because masked updates wait on disk.',
    6,
  )
    .unit('bytes')
    .min(0)
    .targets([
      line(processMetric('process_resident_memory_bytes'), 'resident', 0),
      line(processMetric('nodejs_heap_size_used_bytes'), 'JavaScript heap in use', 1),
    ]);

const eventLoop = () =>
  lines(
    ids.eventLoop,
    'Event-loop lag',
    'How late the coordinator gets to its next piece of work. Above a few hundred milliseconds it is overloaded, and nodes may miss their heartbeats.',
    6,
  )
    .unit('s')
    .min(0)
    .targets([
      line(processMetric('nodejs_eventloop_lag_mean_seconds'), 'mean', 0),
      line(processMetric('nodejs_eventloop_lag_p99_seconds'), '99th percentile', 1),
    ]);

/** The one dashboard: what round runs and whether it is on time, how the rounds went, and how the coordinator is. */
export function overview(): Dashboard {
  const coordinators = 'label_values(hansa_build_info{role="coordinator"}, instance)';
  return new DashboardBuilder('Hansa: rounds of the league')
    .uid('hansa-overview')
    .description('What round runs and whether it is on time, how the rounds went, and how the coordinator is.')
    .tags(['hansa'])
    .time({ from: 'now-30m', to: 'now' })
    .refresh('5s')
    .timezone('browser')
    .tooltip(DashboardCursorSync.Crosshair)
    .withVariable(new DatasourceVariableBuilder('datasource').label('Prometheus').type('prometheus'))
    .withVariable(
      new QueryVariableBuilder('coordinator')
        .label('Coordinator')
        .datasource(datasource)
        .query({ qryType: 1, query: coordinators, refId: 'PrometheusVariableQueryEditor-VariableQuery' })
        .definition(coordinators)
        .refresh(VariableRefresh.OnTimeRangeChanged),
    )
    .withRow(new RowBuilder('Now').id(ids.nowRow))
    .withPanel(round())
    .withPanel(phase())
    .withPanel(timeLeft())
    .withPanel(rounds())
    .withPanel(clients())
    .withRow(new RowBuilder('Rounds').id(ids.roundsRow))
    .withPanel(phases())
    .withPanel(participants())
    .withPanel(loss())
    .withPanel(phaseSeconds())
    .withPanel(dropouts())
    .withPanel(refusals())
    .withRow(new RowBuilder('Transfer and service').id(ids.serviceRow))
    .withPanel(bytes())
    .withPanel(memory())
    .withPanel(eventLoop())
    .build();
}
