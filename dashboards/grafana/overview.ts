import {
  type Dashboard,
  DashboardBuilder,
  DashboardCursorSync,
  DatasourceVariableBuilder,
  QueryVariableBuilder,
  RowBuilder,
  VariableRefresh,
} from '@grafana/grafana-foundation-sdk/dashboard';
import { datasource } from './builders.ts';
import { panelIds } from './panelIds.ts';
import { clients, phase, round, rounds, timeLeft } from './rows/now.ts';
import { dropouts, loss, participants, phaseSeconds, phases, refusals } from './rows/rounds.ts';
import { bytes, eventLoop, memory } from './rows/service.ts';

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
    .withRow(new RowBuilder('Now').id(panelIds.nowRow))
    .withPanel(round())
    .withPanel(phase())
    .withPanel(timeLeft())
    .withPanel(rounds())
    .withPanel(clients())
    .withRow(new RowBuilder('Rounds').id(panelIds.roundsRow))
    .withPanel(phases())
    .withPanel(participants())
    .withPanel(loss())
    .withPanel(phaseSeconds())
    .withPanel(dropouts())
    .withPanel(refusals())
    .withRow(new RowBuilder('Transfer and service').id(panelIds.serviceRow))
    .withPanel(bytes())
    .withPanel(memory())
    .withPanel(eventLoop())
    .build();
}
