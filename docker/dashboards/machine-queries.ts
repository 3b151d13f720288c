import { BACKUP } from '../../agent/backup/record.ts';
import { AGENT } from '../../agent/collector/agent-names.ts';
import { HOST, UNIT_RESTARTS } from '../../agent/host/names.ts';
import { BUCKET, field, MEASUREMENT, TAGS } from './names.ts';
import { CALENDAR, CALENDAR_IMPORTS, RANGE, STOP, script, windowed } from './query.ts';

/** A timer writes one reading a minute; a pixel is at least that. */
const EVERY = `every = if int(v: v.windowPeriod) > int(v: 1m) then v.windowPeriod else 1m
host = (fields) =>
    from(bucket: ${BUCKET.host})
        |> range(start: v.timeRangeStart, stop: v.timeRangeStop)
        |> filter(fn: (r) => r._measurement == ${MEASUREMENT.host} and r.${TAGS.host} == "\${host:raw}" and r._field =~ fields)
`;

const one = (...names: string[]) => `/^(${names.join('|')})$/`;

/** Curves of some fields, each under its name. */
const curvesOf = (fn: 'mean' | 'max' | 'last', ...names: string[]) => `host(fields: ${one(...names)})
    |> aggregateWindow(every: every, fn: ${fn}, timeSrc: "_start", createEmpty: false)
    |> group()
    |> pivot(rowKey: ["_time"], columnKey: ["_field"], valueColumn: "_value")
    |> drop(columns: ["_start", "_stop", "_measurement"])`;

const host = (ask: string) => script({ parts: [EVERY], ask });

const ofBackup = (
  fields: readonly string[],
  start = 'v.timeRangeStart',
  stop = 'v.timeRangeStop',
) => `from(bucket: ${BUCKET.host})
    |> range(start: ${start}, stop: ${stop})
    |> filter(fn: (r) => r._measurement == ${MEASUREMENT.backup} and r.${TAGS.host} == "\${host:raw}" and r._field =~ ${one(...fields)})`;

/** What Agent and Pi asks; each with what its numbers are. */
export const MACHINE = {
  /** s since the newest reading that the database has, of each meter within a day: what of it is the forwarding's lag, nobody here knows. */
  lag: script({
    imports: ['date'],
    parts: [STOP],
    ask: `from(bucket: ${BUCKET.raw})
    |> range(start: date.sub(d: 1d, from: stop), stop: stop)
    |> filter(fn: (r) => r._measurement == ${MEASUREMENT.meter} and r._field == ${field('duration')})
    |> last()
    |> group(columns: ["${TAGS.meter}"])
    |> sort(columns: ["_time"])
    |> tail(n: 1)
    |> map(fn: (r) => ({_time: stop, ${TAGS.meter}: r.${TAGS.meter}, _value: float(v: int(v: stop) - int(v: r._time)) / 1000000000.0}))
    |> group()
    |> pivot(rowKey: ["_time"], columnKey: ["${TAGS.meter}"], valueColumn: "_value")`,
  }),
  /** s of each sample: mean and most, of the meter. */
  latency: script({
    parts: [RANGE],
    ask: `${windowed('duration', 'mean', 'mean')} |> yield(name: "mean")
${windowed('duration', 'most', 'most')} |> yield(name: "most")`,
  }),
  /** % of all cores. */
  cpu: host(curvesOf('mean', HOST.cpuLoad)),
  /** °C */
  temperature: host(curvesOf('max', HOST.cpuTemperature)),
  /** 0 or 1. */
  throttling: host(curvesOf('max', HOST.underVoltage, HOST.throttled, HOST.frequencyCapped, HOST.softTemperatureLimit)),
  /** bytes */
  memory: host(curvesOf('mean', HOST.memoryTotal, HOST.memoryAvailable, HOST.swapUsed, HOST.collectorMemory)),
  /** s that the slowest server is behind the meters. */
  forwardLag: host(curvesOf('max', AGENT.lag)),
  journal: host(curvesOf('last', AGENT.journal)),
  /** Points of the grid without a reading in each step, by cause; their counters begin anew with the collector. */
  gapCauses: script({
    imports: ['strings'],
    parts: [EVERY],
    ask: `host(fields: /^${AGENT.gaps}/)
    |> aggregateWindow(every: every, fn: last, timeSrc: "_start", createEmpty: false)
    |> duplicate(column: "_value", as: "after")
    |> difference(columns: ["_value"])
    |> map(
        fn: (r) =>
            ({
                _time: r._time,
                _value: if r._value >= 0.0 then r._value else r.after,
                cause: strings.trimPrefix(v: r._field, prefix: "${AGENT.gaps}"),
            }),
    )
    |> filter(fn: (r) => r._value > 0.0)
    |> group()
    |> pivot(rowKey: ["_time"], columnKey: ["cause"], valueColumn: "_value")
    |> sort(columns: ["_time"])`,
  }),
  disk: host(curvesOf('last', HOST.diskTotal, HOST.diskFree)),
  /** bytes of each of the last 31 local days; the counter begins anew with each boot. */
  written: script({
    imports: CALENDAR_IMPORTS,
    parts: [CALENDAR],
    ask: `from(bucket: ${BUCKET.host})
    |> range(start: date.sub(d: 1h, from: daysAgo(n: 30)), stop: stop)
    |> filter(fn: (r) => r._measurement == ${MEASUREMENT.host} and r.${TAGS.host} == "\${host:raw}" and r._field == "${HOST.diskWritten}")
    |> aggregateWindow(every: 15m, fn: last, timeSrc: "_start", createEmpty: false, location: {zone: "UTC", offset: 0h})
    |> group()
    |> sort(columns: ["_time"])
    |> keep(columns: ["_time", "_value"])
    |> duplicate(column: "_value", as: "after")
    |> difference(columns: ["_value"])
    |> map(fn: (r) => ({r with _value: if r._value >= 0.0 then r._value else r.after}))
    |> range(start: daysAgo(n: 30), stop: stop)
    |> aggregateWindow(every: 1d, fn: sum, timeSrc: "_start")
    |> keep(columns: ["_time", "_value"])
    |> rename(columns: {_value: "written"})`,
  }),
  /** How often systemd started a service anew within the range. */
  restarts: host(`host(fields: /^${UNIT_RESTARTS.prefix}.*${UNIT_RESTARTS.suffix}$/)
    |> aggregateWindow(every: every, fn: last, createEmpty: false)
    |> difference(nonNegative: true)
    |> sum()
    |> group()
    |> map(fn: (r) => ({_time: v.timeRangeStop, _field: r._field, _value: r._value}))
    |> pivot(rowKey: ["_time"], columnKey: ["_field"], valueColumn: "_value")`),
  /** Each store: h since its last whole backup within 90 days. */
  backupAge: script({
    imports: ['date'],
    parts: [STOP],
    ask: `${ofBackup([BACKUP.ok], 'date.sub(d: 90d, from: stop)', 'stop')}
    |> filter(fn: (r) => r._value == 1.0)
    |> last()
    |> group()
    |> map(fn: (r) => ({_time: stop, store: r.${TAGS.model}, _value: float(v: int(v: stop) - int(v: r._time)) / 1000000000.0}))
    |> pivot(rowKey: ["_time"], columnKey: ["store"], valueColumn: "_value")`,
  }),
  /** bytes of each store's backup, and what was sent for it. */
  backupSize: `every = if int(v: v.windowPeriod) > int(v: 1h) then v.windowPeriod else 1h

${ofBackup([BACKUP.total, BACKUP.sent])}
    |> aggregateWindow(every: every, fn: max, timeSrc: "_start", createEmpty: false)
    |> group()
    |> map(fn: (r) => ({_time: r._time, name: r.${TAGS.model} + " " + r._field, _value: r._value}))
    |> pivot(rowKey: ["_time"], columnKey: ["name"], valueColumn: "_value")`,
} as const;

/** Starts of machines and of collectors, whose uptime is shorter than the time since the look before; for the time axis. */
export const RESTARTS = `every = if int(v: v.windowPeriod) > int(v: 1m) then v.windowPeriod else 1m
starts = (uptime, what) =>
    from(bucket: ${BUCKET.host})
        |> range(start: v.timeRangeStart, stop: v.timeRangeStop)
        |> filter(fn: (r) => r._measurement == ${MEASUREMENT.host} and r._field == uptime)
        |> aggregateWindow(every: every, fn: last, timeSrc: "_start", createEmpty: false)
        |> duplicate(column: "_value", as: "up")
        |> difference(columns: ["_value"], keepFirst: true)
        |> elapsed(unit: 1s)
        |> filter(fn: (r) => r._value < float(v: r.elapsed) - 300.0 and r.up < float(v: r.elapsed) + 60.0)
        |> map(fn: (r) => ({time: r._time, text: r.${TAGS.host} + what}))

union(
    tables: [
        starts(uptime: "${HOST.uptime}", what: " has started"),
        starts(uptime: "${AGENT.uptime}", what: ": the collector has started"),
    ],
)
    |> group()
    |> sort(columns: ["time"])`;
