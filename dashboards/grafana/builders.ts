import { PanelBuilder as BarGaugePanel } from '@grafana/grafana-foundation-sdk/bargauge';
import {
  BarGaugeDisplayMode,
  BigValueColorMode,
  BigValueGraphMode,
  LegendDisplayMode,
  LegendPlacement,
  ReduceDataOptionsBuilder,
  VisibilityMode,
  VizLegendOptionsBuilder,
  VizOrientation,
  VizTooltipOptionsBuilder,
} from '@grafana/grafana-foundation-sdk/common';
import { ThresholdsConfigBuilder, ThresholdsMode } from '@grafana/grafana-foundation-sdk/dashboard';
import { DataqueryBuilder } from '@grafana/grafana-foundation-sdk/prometheus';
import { PanelBuilder as StatPanel } from '@grafana/grafana-foundation-sdk/stat';
import { PanelBuilder as TimeSeriesPanel } from '@grafana/grafana-foundation-sdk/timeseries';
import { labelWords } from '@hansa/coordinator/metrics';

/** Where every panel reads from. */
export const datasource = { type: 'prometheus', uid: '$datasource' } as const;

/** The word for a label's value. */
export const inWords = (value: string): string => labelWords.get(value) ?? value;

const letters = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ';
const query = (expr: string, legend: string, index = 0) =>
  new DataqueryBuilder().expr(expr).legendFormat(legend).datasource(datasource).refId(letters.charAt(index));
/** Over the time range: a line. */
export const line = (expr: string, legend: string, index = 0) => query(expr, legend, index).range();
/** At the end of the time range: one number. */
export const now = (expr: string, legend: string, index = 0) => query(expr, legend, index).instant();

const plain = () => new ThresholdsConfigBuilder().mode(ThresholdsMode.Absolute).steps([{ value: null, color: 'text' }]);
const last = () => new ReduceDataOptionsBuilder().calcs(['lastNotNull']);

/** A panel of one number. */
export const stat = (id: number, title: string, description: string, width: number) =>
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

/** A panel of lines over time. */
export const lines = (id: number, title: string, description: string, width: number) =>
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

/** A panel of bars, one for each label value. */
export const bars = (id: number, title: string, description: string, width: number) =>
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
