import {
  LegendDisplayMode,
  LegendPlacement,
  LineInterpolation,
  VisibilityMode,
  VizLegendOptionsBuilder,
} from '@grafana/grafana-foundation-sdk/common';
import { MappingType } from '@grafana/grafana-foundation-sdk/dashboard';
import { PanelBuilder as StateTimelinePanel } from '@grafana/grafana-foundation-sdk/statetimeline';
import { metricNames } from '@hansa/coordinator/metrics';
import { bars, datasource, inWords, line, lines, now } from '../builders.ts';
import { panelIds } from '../panelIds.ts';
import { histogram, metric, timesInRange } from '../promql.ts';

export const phases = () =>
  new StateTimelinePanel()
    .id(panelIds.phases)
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

export const participants = () => {
  const { stage: stages } = metricNames.hansa_round_participants.labels;
  return lines(
    panelIds.participants,
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

export const loss = () =>
  lines(
    panelIds.loss,
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

export const phaseSeconds = () =>
  bars(
    panelIds.phaseSeconds,
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

export const dropouts = () =>
  bars(
    panelIds.dropouts,
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

export const refusals = () =>
  bars(
    panelIds.refusals,
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
