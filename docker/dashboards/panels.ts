import { PanelBuilder as BarChart } from '@grafana/grafana-foundation-sdk/barchart';
import {
  BigValueColorMode,
  BigValueGraphMode,
  type FieldTextAlignment,
  GraphThresholdsStyleConfigBuilder,
  GraphThresholdsStyleMode,
  LegendDisplayMode,
  LegendPlacement,
  ReduceDataOptionsBuilder,
  StackingMode,
  VisibilityMode,
  VizLegendOptionsBuilder,
  VizOrientation,
} from '@grafana/grafana-foundation-sdk/common';
import {
  FieldColorBuilder,
  FieldColorModeId,
  type Threshold,
  ThresholdsConfigBuilder,
  ThresholdsMode,
} from '@grafana/grafana-foundation-sdk/dashboard';
import { PanelBuilder as PieChart, PieChartType } from '@grafana/grafana-foundation-sdk/piechart';
import { PanelBuilder as Stat } from '@grafana/grafana-foundation-sdk/stat';
import { PanelBuilder as StateTimeline } from '@grafana/grafana-foundation-sdk/statetimeline';
import { PanelBuilder as Table } from '@grafana/grafana-foundation-sdk/table';
import { PanelBuilder as TimeSeries } from '@grafana/grafana-foundation-sdk/timeseries';
import { FluxTarget, SOURCE } from './target.ts';

/** What each panel has. */
interface Panel {
  title: string;
  /** What its numbers are, for who looks: shown at the panel's (i). */
  description: string;
  query: string;
  /** Grafana's name of the unit. */
  unit: string;
  decimals?: number;
  /** Columns of 24, and rows; a phone shows one panel a line. */
  width: number;
  height: number;
  /** What stands where there is no data. */
  empty?: string;
  /** Column of the answer to what a person reads. */
  names?: Readonly<Record<string, string>>;
  thresholds?: readonly Step[];
}

/** From `from` on (null: from the lowest) the color. */
export type Step = readonly [from: number | null, color: string];

type Common = {
  title(text: string): Common;
  description(text: string): Common;
  datasource(source: typeof SOURCE): Common;
  withTarget(target: FluxTarget): Common;
  unit(unit: string): Common;
  decimals(places: number): Common;
  span(width: number): Common;
  height(height: number): Common;
  noValue(text: string): Common;
  thresholds(steps: ThresholdsConfigBuilder): Common;
  overrideByName(name: string, properties: { id: string; value: unknown }[]): Common;
};

function filled<T>(builder: T, panel: Panel): T {
  const common = builder as unknown as Common;
  const { title, description, query, unit, decimals, width, height, empty = 'no data', names = {}, thresholds } = panel;
  common.title(title).description(description).datasource(SOURCE).withTarget(new FluxTarget(query));
  common.unit(unit).span(width).height(height).noValue(empty);
  if (decimals !== undefined) common.decimals(decimals);
  common.thresholds(steps(thresholds ?? [[null, 'green']]));
  for (const [column, value] of Object.entries(names)) common.overrideByName(column, [{ id: 'displayName', value }]);
  return builder;
}

function steps(list: readonly Step[]): ThresholdsConfigBuilder {
  const built = list.map(([value, color]): Threshold => ({ value: value as number, color }));
  return new ThresholdsConfigBuilder().mode(ThresholdsMode.Absolute).steps(built);
}

const noLegend = () => new VizLegendOptionsBuilder().showLegend(false);
const legendBelow = () =>
  new VizLegendOptionsBuilder()
    .showLegend(true)
    .displayMode(LegendDisplayMode.List)
    .placement(LegendPlacement.Bottom)
    .calcs([]);

/** One number, or some beside each other. */
export function stat(panel: Panel): Stat {
  return filled(new Stat(), panel)
    .graphMode(BigValueGraphMode.None)
    .colorMode(panel.thresholds ? BigValueColorMode.Value : BigValueColorMode.None)
    .reduceOptions(new ReduceDataOptionsBuilder().calcs(['lastNotNull']).fields('').values(false));
}

/** Bars of calendar periods; `format` of their times, as Grafana's `time:` unit. */
export function bars(panel: Panel & { format: string }): BarChart {
  return filled(new BarChart(), panel)
    .legend(noLegend())
    .showValue(VisibilityMode.Auto)
    .stacking(StackingMode.None)
    .orientation(VizOrientation.Auto)
    .xTickLabelSpacing(60)
    .fillOpacity(80)
    .overrideByFieldType('time', [{ id: 'unit', value: `time:${panel.format}` }]);
}

/** Curves over the page's range; a gap stays a gap. */
export function curves(panel: Panel & { limits?: boolean; fill?: number }): TimeSeries {
  const builder = filled(new TimeSeries(), panel)
    .legend(legendBelow())
    .showPoints(VisibilityMode.Auto)
    .pointSize(3)
    .lineWidth(1)
    .fillOpacity(panel.fill ?? 0)
    .spanNulls(false);
  if (panel.limits) {
    builder.thresholdsStyle(new GraphThresholdsStyleConfigBuilder().mode(GraphThresholdsStyleMode.Dashed));
  }
  return builder;
}

/** Parts of a whole. */
export function parts(panel: Panel): PieChart {
  return filled(new PieChart(), panel)
    .pieType(PieChartType.Donut)
    .reduceOptions(new ReduceDataOptionsBuilder().calcs(['lastNotNull']).fields('').values(false));
}

/** A table whose cells are colored by their value, from green to red. */
export function colored(panel: Panel & { rowName: string }): Table {
  return filled(new Table(), panel)
    .colorScheme(new FieldColorBuilder().mode(FieldColorModeId.ContinuousGrYlRd))
    .cellOptions({ type: 'color-background', mode: 'gradient' } as never)
    .align('center' as FieldTextAlignment)
    .minWidth(44)
    .overrideByName(panel.rowName, [
      { id: 'unit', value: 'none' },
      { id: 'decimals', value: 0 },
      { id: 'custom.cellOptions', value: { type: 'auto' } },
    ]);
}

/** Rows as they are; times in the page's own way. */
export function list(panel: Panel): Table {
  return filled(new Table(), panel).minWidth(80);
}

/** Whether something is so, over time: 0 is well, 1 is not. */
export function states(panel: Panel): StateTimeline {
  return filled(new StateTimeline(), panel)
    .showValue(VisibilityMode.Never)
    .mergeValues(true)
    .legend(noLegend())
    .fillOpacity(80)
    .colorScheme(new FieldColorBuilder().mode(FieldColorModeId.Thresholds));
}
