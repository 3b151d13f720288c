import { fluxString } from '../flux.ts';
import { rollUpFlux } from './rollup-flux.ts';

/**
 * Functions that notice and heal hours whose roll-ups lack something. Each bucket of roll-ups notes at the beginning of an hour
 * `hour_values`, how many values the readings of the hour have, and `hour_done`, how many of them its roll-ups were computed from.
 * So finding and healing are apart: one reads through raw readings and heals nothing, the other reads the notes and only the readings
 * of what it heals.
 */
export const healingFlux = (raw: string): string => `${rollUpFlux(raw)}
hour = (t) => date.truncate(t: t, unit: 1h)

// Where a bucket takes points. The server refuses older ones, and with them the run; two hours are more than a run takes.
keptSince = (bucket) => {
    periods =
        buckets()
            |> filter(fn: (r) => r.name == bucket)
            |> findColumn(fn: (key) => true, column: "retentionPeriod")
    keptNs = if length(arr: periods) == 0 then 0 else periods[0]
    shortNs = if keptNs < int(v: 3h) then int(v: 1h) else keptNs - int(v: 2h)

    return if keptNs == 0 then time(v: 0) else hour(t: time(v: int(v: now()) - shortNs))
}

notes = (bucket, start, stop, field) =>
    from(bucket: bucket)
        |> range(start: start, stop: stop)
        |> filter(fn: (r) => r._measurement == "energy" and r._field =~ field)

`;

/** Notes how many values each hour of a span has. */
export const findFlux = (minutes: string, quarters: string): string => `
noted = (bucket, name) =>
    notes(bucket: bucket, start: start, stop: stop, field: /^hour_values$/) |> set(key: "_field", value: name)

hours =
    union(
        tables: [
            readings(start: start, stop: stop, meter: /.*/)
                |> windows(every: 1h, fn: count)
                |> series()
                |> windows(every: 1h, fn: sum)
                |> toFloat()
                |> set(key: "_field", value: "found"),
            noted(bucket: ${fluxString(minutes)}, name: "minutes"),
            noted(bucket: ${fluxString(quarters)}, name: "quarters"),
        ],
    )
        |> columns()

note = (tables=<-, bucket) =>
    tables
        |> keep(columns: ["_time", "_measurement", "meter", "model", "found"])
        |> rename(columns: {found: "hour_values"})
        |> influxdb.wideTo(bucket: bucket)

// More noted than found is no fault: raw readings have expired or were deleted, their roll-ups outlive them.
minutesSince = keptSince(bucket: ${fluxString(minutes)})
quartersSince = keptSince(bucket: ${fluxString(quarters)})

hours
    |> filter(
        fn: (r) => exists r.found and r._time >= minutesSince and (not exists r.minutes or r.found > r.minutes),
    )
    |> note(bucket: ${fluxString(minutes)})
hours
    |> filter(
        fn: (r) => exists r.found and r._time >= quartersSince and (not exists r.quarters or r.found > r.quarters),
    )
    |> note(bucket: ${fluxString(quarters)})
`;

/**
 * Heals the hours of one day. Which day changes from run to run, and each other run takes only one meter: what cannot be computed, or not
 * in the memory that a query may have, holds up nothing else.
 * A note that an hour is done is written only after its windows (it waits behind them), and tells the number that was read before them:
 * whatever is written meanwhile, it never claims more than they saw.
 */
export const mendFlux = (minutes: string, quarters: string): string => `
run = int(v: now()) / int(v: 5m)

// With a row of 1970, so that there always is a table.
lacking = (tables=<-) =>
    union(
        tables: [
            array.from(rows: [{_time: time(v: 0), meter: "", model: "", values: 0.0}]),
            tables
                |> columns()
                |> filter(
                    fn: (r) => exists r.hour_values and (not exists r.hour_done or r.hour_done < r.hour_values),
                )
                |> map(
                    fn: (r) =>
                        ({
                            _time: r._time,
                            meter: if exists r.meter then r.meter else "",
                            model: if exists r.model then r.model else "",
                            values: r.hour_values,
                        }),
                )
                |> group(),
        ],
    )
        |> group()
        |> sort(columns: ["_time", "meter"])
        |> tableFind(fn: (key) => true)

mend = (bucket, every) => {
    since = keptSince(bucket: bucket)
    both = /^hour_(values|done)$/
    days = notes(bucket: bucket, start: since, stop: now(), field: both) |> windows(every: 1d, fn: sum) |> lacking()
    dayTimes = days |> getColumn(column: "_time")
    dayMeters = days |> getColumn(column: "meter")
    found = length(arr: dayTimes) - 1
    nth = if found == 0 then 0 else 1 + run / 2 % found
    meter =
        if run % 2 == 0 then
            /.*/
        else
            regexp.compile(v: "^" + regexp.quoteMeta(v: dayMeters[nth]) + "$")
    nextDay = date.add(d: 1d, to: date.truncate(t: dayTimes[nth], unit: 1d))

    hours =
        notes(bucket: bucket, start: dayTimes[nth], stop: nextDay, field: both)
            |> filter(fn: (r) => r.meter =~ meter)
            |> lacking()
    times = hours |> getColumn(column: "_time")
    meters = hours |> getColumn(column: "meter")
    models = hours |> getColumn(column: "model")
    values = hours |> getColumn(column: "values")
    last = length(arr: times) - 1
    start = if last == 0 then times[0] else times[1]
    stop = date.add(d: 1h, to: times[last])

    seen =
        generate.from(count: last + 1, fn: (n) => n, start: start, stop: stop)
            |> filter(fn: (r) => r._value > 0)
            |> map(
                fn: (r) =>
                    ({
                        _time: times[r._value],
                        _measurement: "energy",
                        meter: meters[r._value],
                        model: models[r._value],
                        hour_values: values[r._value],
                    }),
            )
            |> series()

    return
        union(tables: [rollUp(start: start, stop: stop, meter: meter, every: every) |> columns(), seen])
            |> influxdb.wideTo(bucket: bucket)
            |> filter(fn: (r) => exists r.hour_values)
            |> keep(columns: ["_time", "_measurement", "meter", "model", "hour_values"])
            |> rename(columns: {hour_values: "hour_done"})
            |> influxdb.wideTo(bucket: bucket)
}

mend(bucket: ${fluxString(minutes)}, every: 1m)
mend(bucket: ${fluxString(quarters)}, every: 15m)
`;
