import { QUANTITIES } from '../../readings/quantity.ts';
import { DAY_S, HOUR_S, spelled } from './lengths.ts';

/** Buckets of the down-sampling and what bounds its work. */
export interface Rollups {
  raw: string;
  /** Window `1m` and `15m`. */
  minutes: string;
  quarters: string;
  /** The shortest retention of the three, in seconds; undefined when all are kept for ever. */
  retentionS: number | undefined;
}

export interface TaskScript {
  name: string;
  description: string;
  flux: string;
}

/** How far a healing task looks back, and the longest span it computes in one run. */
interface Lengths {
  lookBackS: number;
  mendS: number;
}

/**
 * What one run of a healing task looks through, and the most it computes: three days of one meter take a few seconds and well below
 * the 64 MB that a query may have on a small Pi.
 */
const RECENT: Lengths = { lookBackS: 35 * DAY_S, mendS: 3 * DAY_S };
const OLD: Lengths = { lookBackS: 3650 * DAY_S, mendS: 3 * DAY_S };

/** Flux names its strings' specials as JavaScript does, besides `${`, which would begin an interpolation. */
export const fluxString = (text: string): string => JSON.stringify(text).replaceAll('$', '\\x24');

/** What is no counter is a gauge: a field that a later version adds is rolled up without a new task. */
const COUNTERS = `/^(${Object.entries(QUANTITIES)
  .filter(([, { kind }]) => kind === 'counter')
  .map(([name]) => name)
  .join('|')})$/`;

/**
 * Functions of all scripts.
 * Each stream comes from a function, because only a `from` with one successor is aggregated inside the storage engine: a shared one
 * hands every raw point to Flux. Windows are UTC for the same reason.
 * All fields of a window are one point, `count` among them: a run that is broken off leaves no window that looks finished and is not.
 * Each sample of the collector has `duration`, foreign ones have `voltage` at least: the larger number counts.
 */
const library = (raw: string): string => `raw = (start, stop) =>
    from(bucket: ${fluxString(raw)})
        |> range(start: start, stop: stop)
        |> filter(fn: (r) => r._measurement == "energy")

gauges = (start, stop) => raw(start: start, stop: stop) |> filter(fn: (r) => r._field !~ ${COUNTERS})

counters = (start, stop) => raw(start: start, stop: stop) |> filter(fn: (r) => r._field =~ ${COUNTERS})

suffixed = (tables=<-, suffix) => tables |> map(fn: (r) => ({r with _field: r._field + suffix}))

columns = (tables=<-) =>
    tables
        |> group(columns: ["_measurement", "meter", "model"])
        |> drop(columns: ["_start", "_stop"])
        |> pivot(rowKey: ["_time"], columnKey: ["_field"], valueColumn: "_value")

samples = (start, stop, every) =>
    raw(start: start, stop: stop)
        |> filter(fn: (r) => r._field =~ /^(duration|voltage)$/)
        |> aggregateWindow(every: every, fn: count, createEmpty: false, timeSrc: "_start")
        |> toFloat()
        |> columns()
        |> map(
            fn: (r) =>
                ({r with
                    _field: "count",
                    _value:
                        if exists r.duration and (not exists r.voltage or r.duration > r.voltage) then
                            r.duration
                        else
                            r.voltage,
                }),
        )
        |> drop(columns: ["duration", "voltage"])

rollUp = (start, stop, bucket, every) =>
    union(
        tables: [
            gauges(start: start, stop: stop)
                |> aggregateWindow(every: every, fn: mean, createEmpty: false, timeSrc: "_start"),
            gauges(start: start, stop: stop)
                |> aggregateWindow(every: every, fn: min, createEmpty: false, timeSrc: "_start")
                |> suffixed(suffix: "_min"),
            gauges(start: start, stop: stop)
                |> aggregateWindow(every: every, fn: max, createEmpty: false, timeSrc: "_start")
                |> suffixed(suffix: "_max"),
            counters(start: start, stop: stop)
                |> aggregateWindow(every: every, fn: last, createEmpty: false, timeSrc: "_start"),
            samples(start: start, stop: stop, every: every),
        ],
    )
        |> columns()
        |> influxdb.wideTo(bucket: bucket)
`;

const head = (
  name: string,
  every: string,
  offset: string,
): string => `// Made by energy-monitor influxdb setup, which replaces changes.
import "date"
import "influxdata/influxdb"

option task = {name: ${fluxString(name)}, every: ${every}, offset: ${offset}}

`;

/** Rolls up the last windows, some more than once: what is late by minutes needs no other task. */
function latest(
  raw: string,
  into: string,
  { every, offset, back }: Record<'every' | 'offset' | 'back', string>,
): TaskScript {
  const name = `energy-monitor ${into}`;
  const flux = `${head(name, every, offset)}${library(raw)}
stop = date.truncate(t: now(), unit: ${every})
start = date.sub(d: ${back}, from: stop)

rollUp(start: start, stop: stop, bucket: ${fluxString(into)}, every: ${every})
`;
  return { name, description: `rolls up the last windows of ${raw}`, flux };
}

/**
 * Compares the raw samples of each hour with those that are rolled up, and computes the span from the first to the last hour that lacks
 * some. More rolled up than raw is no fault: raw readings were deleted or have expired.
 */
function healing(rollups: Rollups, name: string, every: string, offset: string, lengths: Lengths): TaskScript {
  const { raw, minutes, quarters, retentionS } = rollups;
  // A roll-up that its bucket would refuse as too old would fail each run. Two hours, because `since` is rounded down.
  const lookBackS = Math.min(
    lengths.lookBackS,
    retentionS === undefined ? Infinity : Math.max(retentionS - 2 * HOUR_S, HOUR_S),
  );
  const rolledUp = (bucket: string, column: string) =>
    `from(bucket: ${fluxString(bucket)})
                |> range(start: since, stop: until)
                |> filter(fn: (r) => r._measurement == "energy" and r._field == "count")
                |> aggregateWindow(every: 1h, fn: sum, createEmpty: false, timeSrc: "_start")
                |> set(key: "_field", value: "${column}"),`;
  const flux = `${head(name, every, offset)}${library(raw)}
until = date.truncate(t: now(), unit: 15m)
since = date.truncate(t: date.sub(d: ${spelled(lookBackS)}, from: until), unit: 1h)
hours =
    union(
        tables: [
            samples(start: since, stop: until, every: 1h)
                |> set(key: "_field", value: "raw"),
            ${rolledUp(minutes, 'minutes')}
            ${rolledUp(quarters, 'quarters')}
        ],
    )
        |> columns()
        |> filter(
            fn: (r) =>
                exists r.raw and (not exists r.minutes or not exists r.quarters or r.raw > r.minutes or r.raw > r.quarters),
        )
        |> group()
        |> sort(columns: ["_time"])
        |> findColumn(fn: (key) => true, column: "_time")
found = length(arr: hours)

// Nothing differs: the last windows once more, because a range must not be empty.
start = if found == 0 then date.sub(d: 15m, from: until) else hours[0]
end = if found == 0 then until else date.add(d: 1h, to: hours[found - 1])
most = date.add(d: ${spelled(lengths.mendS)}, to: start)
bounded = if end > most then most else end
stop = if bounded > until then until else bounded

rollUp(start: start, stop: stop, bucket: ${fluxString(minutes)}, every: 1m)
rollUp(start: start, stop: stop, bucket: ${fluxString(quarters)}, every: 15m)
`;
  return { name, description: `computes roll-ups of ${raw} anew where readings came late`, flux };
}

/**
 * The tasks that fill the roll-ups. Each window carries the time of its start, as the groups of `energy-monitor readings --every`.
 * Writing a window again replaces it: same series, same time.
 */
export function taskScripts(rollups: Rollups): TaskScript[] {
  const { raw, minutes, quarters } = rollups;
  return [
    // Offsets: a batch of the collector is 10 s long, and the wider task finds the narrower one's work done.
    latest(raw, minutes, { every: '1m', offset: '20s', back: '5m' }),
    latest(raw, quarters, { every: '15m', offset: '40s', back: '1h' }),
    healing(rollups, `energy-monitor ${raw} late`, '15m', '2m', RECENT),
    // A journal of months that is handed over to a new server. Looking through all years takes too long for every quarter of an hour.
    healing(rollups, `energy-monitor ${raw} old`, '1h', '7m', OLD),
  ];
}
