import { BigValueTextMode } from '@grafana/grafana-foundation-sdk/common';
import { ThresholdsConfigBuilder, ThresholdsMode } from '@grafana/grafana-foundation-sdk/dashboard';
import { metricNames } from '@hansa/coordinator/metrics';
import { inWords, now, stat } from '../builders.ts';
import { panelIds } from '../panelIds.ts';
import { metric } from '../promql.ts';

export const round = () =>
  stat(
    panelIds.round,
    'Round',
    'The round in progress, or the last one when none is running. 0: no round has run since the coordinator started.',
    4,
  ).withTarget(now(metric('hansa_round_number'), 'round'));

export const phase = () =>
  stat(
    panelIds.phase,
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

export const timeLeft = () =>
  stat(
    panelIds.timeLeft,
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

export const rounds = () =>
  stat(
    panelIds.rounds,
    'Rounds since the coordinator started',
    'Committed: a new model was published. Abandoned: too few nodes stayed, or a check failed; nothing was revealed and the round is tried again.',
    5,
  ).targets([
    now(metric('hansa_rounds_total', { outcome: 'committed' }), 'committed', 0),
    now(metric('hansa_rounds_total', { outcome: 'abandoned' }), 'abandoned', 1),
  ]);

export const clients = () =>
  stat(
    panelIds.clients,
    'Nodes',
    'Connected: nodes that are online and have proved who they are. Enrolled: nodes that may take part at all.',
    4,
  ).targets([
    now(metric('hansa_clients_connected'), 'connected', 0),
    now(metric('hansa_clients_registered', { state: 'active' }), 'enrolled', 1),
  ]);
