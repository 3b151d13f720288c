import { BACKUP } from '../../agent/backup/record.ts';
import { HOST } from '../../agent/host/names.ts';
import { BUCKET, field, MEASUREMENT, TAGS, UID } from './names.ts';

/** A rule of the second watcher: it looks at what the database has, whatever happened to the agent. */
interface Alert {
  uid: string;
  title: string;
  /** One number for each meter, machine or store; the end of the range is now. */
  query: string;
  /** Seconds that the query looks back. */
  lookBackS: number;
  is: 'gt' | 'lt';
  limit: number;
  /** So long it has to be so. */
  for: string;
  /** When there is no number at all. */
  noData: 'Alerting' | 'OK';
  /** For a person; `$$` is a dollar sign, since Grafana fills in variables of the environment. */
  summary: string;
  what: string;
}

const DAY_S = 86_400;
const VALUE = '{{ printf "%.0f" $$values.B.Value }}';

/** What is asked of, within the rule's range. */
const from = (bucket: string, measurement: string, condition: string) => `from(bucket: ${bucket})
    |> range(start: v.timeRangeStart, stop: v.timeRangeStop)
    |> filter(fn: (r) => r._measurement == ${measurement} and ${condition})`;

/** The same under a name: only a stream that is asked for once is aggregated inside the storage engine. */
const series = (name: string, ...of: Parameters<typeof from>) => `${name} = () => ${from(...of)}
`;

/** One row for each value of the tags, which become the alert's labels: the newest, of several models. */
const each = (...tags: string[]) => {
  const list = tags.map((tag) => `"${tag}"`).join(', ');
  return `|> group(columns: [${list}])
    |> sort(columns: ["_time"])
    |> tail(n: 1)
    |> keep(columns: ["_time", "_value", ${list}])`;
};

const age = (unitNs: string) =>
  `|> map(fn: (r) => ({r with _value: float(v: int(v: v.timeRangeStop) - int(v: r._time)) / float(v: int(v: ${unitNs}))}))`;

export const ALERTS: readonly Alert[] = [
  {
    uid: 'energy-meter-silent',
    title: 'Meter silent',
    // Each sample has its duration, whatever the meter measures. One that is read more rarely may be silent for longer: three times
    // what is between its readings in the mean of the day.
    query: `${series('readings', BUCKET.raw, MEASUREMENT.meter, `r._field == ${field('duration')}`)}
newest = readings()
    |> last()
    ${each(TAGS.meter)}
    |> drop(columns: ["_value"])
counted = readings()
    |> count()
    |> group(columns: ["${TAGS.meter}"])
    |> sum()

join(tables: {newest: newest, counted: counted}, on: ["${TAGS.meter}"])
    |> map(fn: (r) => ({r with usual: ${DAY_S}.0 / float(v: r._value)}))
    ${age('1s')}
    |> map(fn: (r) => ({r with _value: if r._value > 3.0 * r.usual then r._value else 0.0}))
    |> drop(columns: ["usual"])`,
    lookBackS: DAY_S,
    is: 'gt',
    limit: 180,
    for: '5m',
    noData: 'Alerting',
    // Without any row there is neither a label nor a value.
    summary: `{{ if $$labels.${TAGS.meter} }}No reading of meter {{ $$labels.${TAGS.meter} }} for ${VALUE} s{{ else }}No reading of any meter for a day{{ end }}`,
    what: 'The database has no newer reading: the meter, the line, the agent or the way to here is broken. On the Pi: energy-monitor status.',
  },
  {
    uid: 'energy-backup-old',
    title: 'Backup old',
    // Of a store that never had one, since the first run. One that is left out while others are written was taken out of the configuration.
    query: `${series('runs', BUCKET.host, MEASUREMENT.backup, `r._field == "${BACKUP.ok}"`)}
begun = runs() |> first()
whole = runs() |> filter(fn: (r) => r._value == 1.0) |> last()
newest = runs() |> last() |> group(columns: ["${TAGS.host}"]) |> max(column: "_time")
    |> keep(columns: ["_time", "${TAGS.host}"])
    |> rename(columns: {_time: "hostTime"})
tried = runs() |> last() |> keep(columns: ["_time", "${TAGS.host}", "${TAGS.model}"])
    |> rename(columns: {_time: "storeTime"})
ages = union(tables: [begun, whole])
    ${each(TAGS.host, TAGS.model)}
    ${age('1h')}
stores = join(tables: {ages: ages, tried: tried}, on: ["${TAGS.host}", "${TAGS.model}"])

join(tables: {stores: stores, newest: newest}, on: ["${TAGS.host}"])
    |> filter(fn: (r) => int(v: r.hostTime) - int(v: r.storeTime) < int(v: 26h))
    |> keep(columns: ["_time", "_value", "${TAGS.host}", "${TAGS.model}"])
    |> group(columns: ["${TAGS.host}", "${TAGS.model}"])`,
    lookBackS: 90 * DAY_S,
    is: 'gt',
    limit: 26,
    for: '30m',
    noData: 'OK',
    summary: `No whole backup of {{ $$labels.${TAGS.host} }} into {{ $$labels.${TAGS.model} }} for ${VALUE} h`,
    what: 'Each run since then failed, or none was started. On the Pi: energy-monitor status, then energy-monitor backup.',
  },
  {
    uid: 'energy-disk-full',
    title: 'Disk nearly full',
    query: `${from(BUCKET.host, MEASUREMENT.host, `(r._field == "${HOST.diskFree}" or r._field == "${HOST.diskTotal}")`)}
    |> last()
    |> group(columns: ["${TAGS.host}"])
    |> pivot(rowKey: ["_time"], columnKey: ["_field"], valueColumn: "_value")
    |> filter(fn: (r) => exists r.${HOST.diskFree} and exists r.${HOST.diskTotal})
    |> map(fn: (r) => ({_time: r._time, ${TAGS.host}: r.${TAGS.host}, _value: 100.0 * r.${HOST.diskFree} / r.${HOST.diskTotal}}))`,
    lookBackS: 3600,
    is: 'lt',
    limit: 10,
    for: '30m',
    noData: 'OK',
    summary: `The disk of {{ $$labels.${TAGS.host} }} has ${VALUE} % left`,
    what: 'Below some 100 MB readings are kept in memory alone, and the oldest go. Make room, or shorten retention.',
  },
  {
    uid: 'energy-hot',
    title: 'Processor hot',
    query: `${from(BUCKET.host, MEASUREMENT.host, `r._field == "${HOST.cpuTemperature}"`)}
    |> group(columns: ["${TAGS.host}"])
    |> mean()
    |> map(fn: (r) => ({r with _time: v.timeRangeStop}))`,
    lookBackS: 600,
    is: 'gt',
    limit: 80,
    for: '10m',
    noData: 'OK',
    summary: `The processor of {{ $$labels.${TAGS.host} }} is at ${VALUE} °C`,
    what: 'From 80 °C on a Pi slows itself down (85 °C at the latest). It needs air, or a heat sink.',
  },
];

/** The rules as Grafana's file of rules; sources and uids as elsewhere. */
export function alertRules(): object {
  return {
    apiVersion: 1,
    groups: [
      {
        orgId: 1,
        name: 'energy-monitor',
        // Not the dashboards' own: Grafana makes this one first, under any uid, and then another of the same name beside it
        // (grafana/grafana 125079); Grafana 11.0 did not even start (87889).
        folder: 'Energy monitor alerts',
        interval: '1m',
        rules: ALERTS.map(rule),
      },
    ],
  };
}

const EXPRESSION = { type: '__expr__', uid: '__expr__' } as const;

function rule(alert: Alert): object {
  const expression = (refId: string, model: object) => ({
    refId,
    relativeTimeRange: { from: alert.lookBackS, to: 0 },
    datasourceUid: EXPRESSION.uid,
    model: { refId, datasource: EXPRESSION, ...model },
  });
  return {
    uid: alert.uid,
    title: alert.title,
    condition: 'C',
    for: alert.for,
    noDataState: alert.noData,
    // A database that does not answer is as bad as a silent meter.
    execErrState: 'Error',
    isPaused: false,
    annotations: { summary: alert.summary, description: alert.what },
    labels: { source: 'energy-monitor' },
    data: [
      {
        refId: 'A',
        relativeTimeRange: { from: alert.lookBackS, to: 0 },
        datasourceUid: UID.flux,
        model: { refId: 'A', query: alert.query, intervalMs: 60_000, maxDataPoints: 1000 },
      },
      expression('B', { type: 'reduce', expression: 'A', reducer: 'last' }),
      expression('C', {
        type: 'threshold',
        expression: 'B',
        conditions: [{ evaluator: { type: alert.is, params: [alert.limit] } }],
      }),
    ],
  };
}
