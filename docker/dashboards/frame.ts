import type { Builder, Dataquery } from '@grafana/grafana-foundation-sdk/cog';
import {
  AnnotationQueryBuilder,
  type AnnotationTarget,
  CustomVariableBuilder,
  type Dashboard,
  DashboardBuilder,
  DashboardCursorSync,
  DashboardLinkBuilder,
  DashboardLinkType,
  QueryVariableBuilder,
  TextBoxVariableBuilder,
  VariableHide,
  VariableRefresh,
  VariableSort,
} from '@grafana/grafana-foundation-sdk/dashboard';
import { DEFAULT_WEB_PORT } from '../../agent/config/web-schema.ts';
import { RESTARTS } from './machine-queries.ts';
import { BUCKET, MEASUREMENT, TAGS } from './names.ts';
import { GAP_SPANS } from './quality-queries.ts';
import { FluxTarget, SOURCE } from './target.ts';

/** Tag by which dashboards find each other. */
const TAG = 'energy-monitor';

/**
 * A choice of tag values that the server has had within a year: first those of the last day, so that a dashboard opens with a meter
 * that is still read, and already in its first minutes, before there is a roll-up. A plain text, which Grafana 10 takes too.
 */
function choice(name: string, label: string, tag: string, measurement: string, recent: string, older: string) {
  const values = (bucket: string, start: string, rank: number) =>
    `schema.tagValues(bucket: ${bucket}, tag: "${tag}", predicate: (r) => r._measurement == ${measurement}, start: ${start})
            |> map(fn: (r) => ({_value: r._value, rank: ${rank}})),`;
  const query = `import "influxdata/influxdb/schema"

union(
    tables: [
        ${values(recent, '-1d', 0)}
        ${values(older, '-1y', 1)}
    ],
)
    |> group(columns: ["_value"])
    |> min(column: "rank")
    |> group()
    |> sort(columns: ["rank", "_value"])
    |> keep(columns: ["_value"])`;
  return new QueryVariableBuilder(name)
    .label(label)
    .datasource(SOURCE)
    .query(query)
    .definition(query)
    .refresh(VariableRefresh.OnDashboardLoad)
    .sort(VariableSort.Disabled)
    .multi(false)
    .includeAll(false);
}

export const METER = () => choice('meter', 'Meter', TAGS.meter, MEASUREMENT.meter, BUCKET.raw, BUCKET.quarters);
export const HOST = () => choice('host', 'Machine', TAGS.host, MEASUREMENT.host, BUCKET.host, BUCKET.host);

/** Where days begin: the page's own zone (TIME_ZONE of .env, or the browser's), unless another is chosen or typed. */
export const ZONE = () =>
  new CustomVariableBuilder('zone')
    .label('Time zone')
    .description('Where days and months begin: the page’s own zone, or another by its name')
    .values(`\${__timezone}, UTC, Europe/London, Europe/Rome, Europe/Warsaw`)
    .allowCustomValue(true)
    .multi(false)
    .includeAll(false);

/** A price of a kWh; 0 means that there is none. */
export const PRICE = () =>
  new TextBoxVariableBuilder('price').label('Price of a kWh').description('0: no cost is shown').defaultValue('0');

/** Spans without a reading, drawn over all curves. */
export const gapsAnnotation = () =>
  new AnnotationQueryBuilder()
    .name('Gaps')
    .datasource(SOURCE)
    .enable(true)
    .iconColor('orange')
    .target(new FluxTarget(GAP_SPANS, 'gaps') as unknown as Builder<AnnotationTarget & Dataquery>);

/** When a machine or a collector started anew. */
export const restartsAnnotation = () =>
  new AnnotationQueryBuilder()
    .name('Restarts')
    .datasource(SOURCE)
    .enable(true)
    .iconColor('purple')
    .target(new FluxTarget(RESTARTS, 'restarts') as unknown as Builder<AnnotationTarget & Dataquery>);

/** Where the agent's own page is: no file of Grafana's knows that, so it can be said in a dashboard's address (&var-page=...). */
const PAGE = () =>
  new TextBoxVariableBuilder('page')
    .label('The agent’s page')
    .hide(VariableHide.HideVariable)
    .defaultValue(`http://localhost:${DEFAULT_WEB_PORT}/`);

/** What all dashboards have alike. */
export function frame(uid: string, title: string, description: string): DashboardBuilder {
  const others = new DashboardLinkBuilder('Dashboards')
    .type(DashboardLinkType.Dashboards)
    .tags([TAG])
    .asDropdown(false)
    .includeVars(true)
    .keepTime(true);
  const page = new DashboardLinkBuilder('Live page')
    .type(DashboardLinkType.Link)
    .icon('bolt')
    .tooltip('The agent’s own page: live each second')
    .url(`\${page}`)
    .targetBlank(true);
  return new DashboardBuilder(title)
    .uid(uid)
    .description(description)
    .tags([TAG])
    .timezone('')
    .weekStart('')
    .tooltip(DashboardCursorSync.Crosshair)
    .link(others)
    .link(page)
    .withVariable(PAGE())
    .editable();
}

/** As it lies in docker/grafana/dashboards: ids in the order of the panels, no id of a database. */
export function finished(builder: DashboardBuilder): Dashboard {
  const dashboard = builder.build();
  dashboard.panels?.forEach((panel, index) => {
    panel.id = index + 1;
  });
  // The builders' default would hide links, and the switches of marks, in a menu.
  const links = dashboard.links?.map(({ placement: _, ...link }) => link) ?? [];
  const list = dashboard.annotations.list?.map(({ placement: _, ...marks }) => marks) ?? [];
  return { ...dashboard, links, annotations: { ...dashboard.annotations, list }, id: null as never };
}
