import { QUANTITIES } from '../../readings/quantity.ts';
import { METER_MEASUREMENT } from '../../readings/reading.ts';
import { fluxString } from '../flux.ts';

/** What is no counter is a gauge: a field that a later version adds is rolled up without a new task. */
const COUNTERS = `/^(${Object.entries(QUANTITIES)
  .filter(([, { kind }]) => kind === 'counter')
  .map(([name]) => name)
  .join('|')})$/`;

/** What a roll-up calls the least and the most of a gauge, behind its name, and the number of its readings. */
export const ROLLUP = { least: '_min', most: '_max', count: 'count' } as const;

/** The beginning of each task's script. */
export const head = (name: string, every: string, offset: string): string =>
  `// Made by energy-monitor influxdb setup, which replaces changes.
import "array"
import "date"
import "generate"
import "influxdata/influxdb"
import "regexp"
import "strings"
import "types"

option task = {name: ${fluxString(name)}, every: ${every}, offset: ${offset}}
`;

/**
 * Functions that compute roll-ups.
 * Each stream comes from a function, because only a `from` with one successor is aggregated inside the storage engine: a shared one
 * hands every raw point to Flux. Windows are UTC for the same reason.
 * Foreign points may be text, which has no mean, or integers, which share no column with floats.
 * Not every reading has every quantity: the one that most of a window's have counts them.
 */
export const rollUpFlux = (raw: string): string => `
readings = (start, stop, meter) =>
    from(bucket: ${fluxString(raw)})
        |> range(start: start, stop: stop)
        |> filter(fn: (r) => r._measurement == ${fluxString(METER_MEASUREMENT)} and r.meter =~ meter)

windows = (tables=<-, every, fn) =>
    tables |> aggregateWindow(every: every, fn: fn, createEmpty: false, timeSrc: "_start")

series = (tables=<-) => tables |> group(columns: ["_measurement", "meter", "model"])

suffixed = (tables=<-, suffix) => tables |> map(fn: (r) => ({r with _field: r._field + suffix}))

columns = (tables=<-) =>
    tables
        |> series()
        |> drop(columns: ["_start", "_stop"])
        |> pivot(rowKey: ["_time"], columnKey: ["_field"], valueColumn: "_value")

isText = (value) => types.isType(v: value, type: "string") or types.isType(v: value, type: "bool")

numericFields = (start, stop, meter) => {
    names =
        readings(start: start, stop: stop, meter: meter)
            |> last()
            |> map(fn: (r) => ({_field: r._field, text: isText(value: r._value)}))
            |> filter(fn: (r) => not r.text)
            |> group()
            |> findColumn(fn: (key) => true, column: "_field")

    return
        regexp.compile(
            v: "^(" + strings.joinStr(arr: array.map(arr: names, fn: (x) => regexp.quoteMeta(v: x)), v: "|") + ")$",
        )
}

rollUp = (start, stop, meter, every) => {
    numbers = numericFields(start: start, stop: stop, meter: meter)
    all = () => readings(start: start, stop: stop, meter: meter) |> filter(fn: (r) => r._field =~ numbers)
    gauges = () => all() |> filter(fn: (r) => r._field !~ ${COUNTERS})
    counters = () => all() |> filter(fn: (r) => r._field =~ ${COUNTERS})

    return
        union(
            tables: [
                gauges() |> windows(every: every, fn: mean),
                gauges() |> windows(every: every, fn: min) |> suffixed(suffix: ${fluxString(ROLLUP.least)}),
                gauges() |> windows(every: every, fn: max) |> suffixed(suffix: ${fluxString(ROLLUP.most)}),
                counters() |> windows(every: every, fn: last),
                all()
                    |> windows(every: every, fn: count)
                    |> series()
                    |> windows(every: every, fn: max)
                    |> set(key: "_field", value: ${fluxString(ROLLUP.count)}),
            ],
        )
            |> toFloat()
}
`;
