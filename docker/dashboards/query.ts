import type { Quantity } from '../../agent/readings/quantity.ts';
import { BUCKET, MEASUREMENT, ROLLUP, TAGS } from './names.ts';

interface Script {
  imports?: readonly string[];
  /** Definitions, in the order in which they need each other. */
  parts: readonly string[];
  /** What is asked, with the names of the parts. */
  ask: string;
}

/**
 * The one place that decides from where a panel reads. Grafana puts in `v.timeRangeStart`, `v.timeRangeStop` (the end of the page's
 * range), `v.windowPeriod` (what a pixel is wide) and the variables `meter` and `zone`.
 */
export function script({ imports = [], parts, ask }: Script): string {
  const all = [...new Set(imports)].sort().map((name) => `import "${name}"\n`);
  return [all.join(''), ...parts, ask].filter((part) => part !== '').join('\n');
}

/** The end of the page's range, but not the rest of a day, month or year that is chosen as a whole: nothing was read there yet. */
export const STOP = 'stop = if v.timeRangeStop < now() then v.timeRangeStop else now()\n';

/** Of the meter that is chosen above the dashboard; names of meters have no quotes (agent/config/schema.ts). */
export const OF_METER = `r._measurement == ${MEASUREMENT.meter} and r.${TAGS.meter} == "\${meter:raw}"`;

const LIMITS = { raw: '6h', minutes: '10d' } as const;

/**
 * `bucket`, `every` and `isRaw`: raw readings only for some hours, and where a pixel is less than a minute; else roll-ups, the coarser
 * ones for long ranges, or where a pixel is wider anyway. So no range reads more than 21 600 raw readings or 14 400 minutes of a
 * quantity, and a year is 35 040 quarters. Windows are UTC: the storage engine aggregates only these itself.
 */
export const RANGE = `// Raw readings for some hours, minutes for some days, quarters of an hour beyond.
spanNs = int(v: v.timeRangeStop) - int(v: v.timeRangeStart)
pixelNs = int(v: v.windowPeriod)
isRaw = spanNs <= int(v: ${LIMITS.raw}) and pixelNs < int(v: 1m)
isMinutes = not isRaw and spanNs <= int(v: ${LIMITS.minutes}) and pixelNs < int(v: 15m)
bucket = if isRaw then ${BUCKET.raw} else if isMinutes then ${BUCKET.minutes} else ${BUCKET.quarters}
grainNs = if isRaw then int(v: 1s) else if isMinutes then int(v: 1m) else int(v: 15m)
every = duration(v: (if pixelNs > grainNs then (pixelNs + grainNs - 1) / grainNs else 1) * grainNs)

windows = (fields, fn) =>
    from(bucket: bucket)
        |> range(start: v.timeRangeStart, stop: v.timeRangeStop)
        |> filter(fn: (r) => ${OF_METER} and r._field =~ fields)
        |> aggregateWindow(every: every, fn: fn, timeSrc: "_start")
        |> group(columns: ["${TAGS.model}", "_field"])
        |> keep(columns: ["_time", "_value", "${TAGS.model}", "_field"])
`;

type Aspect = 'mean' | 'least' | 'most';

/** A stream of what RANGE finds of a quantity, over all phases or of each. */
function windowsOf(quantity: Quantity, of: Aspect, phases: string): string {
  const named = (suffix: string) => `/^${quantity}${phases}${suffix}$/`;
  if (of === 'mean') return `windows(fields: ${named('')}, fn: mean)`;
  const suffix = of === 'least' ? ROLLUP.least : ROLLUP.most;
  return `windows(fields: if isRaw then ${named('')} else ${named(suffix)}, fn: ${of === 'least' ? 'min' : 'max'})`;
}

/** One curve of a meter's total, under a name. */
export const windowed = (quantity: Quantity, of: Aspect, column: string): string =>
  `${windowsOf(quantity, of, '')} |> drop(columns: ["_field"]) |> rename(columns: {_value: "${column}"})`;

/** Least and most of raw readings are named as those of roll-ups. */
const rawSuffix = (of: Aspect) =>
  of === 'mean'
    ? ''
    : `
    |> map(fn: (r) => ({r with _field: if isRaw then r._field + "${of === 'least' ? ROLLUP.least : ROLLUP.most}" else r._field}))`;

/** A curve for each phase that the meter has, by the quantity's own names; a meter of one phase has one. */
export const windowedByPhase = (quantity: Quantity, of: Aspect): string =>
  `${windowsOf(quantity, of, '(_l[123])?')}${rawSuffix(of)}
    |> group(columns: ["${TAGS.model}"])
    |> pivot(rowKey: ["_time"], columnKey: ["_field"], valueColumn: "_value")`;

/**
 * Periods of the local calendar at the end of the page's range. Days are 23 to 25 hours long and months 28 to 31 days: the way back goes
 * into the middle of a period, whose beginning is then looked for.
 */
export const CALENDAR = `option location = timezone.location(name: if "\${zone}" == "utc" then "UTC" else "\${zone}")

${STOP}today = date.truncate(t: stop, unit: 1d)
month = date.truncate(t: stop, unit: 1mo)
daysAgo = (n) => date.truncate(t: time(v: int(v: today) - n * int(v: 24h) + int(v: 12h)), unit: 1d)
monthsAgo = (n) => date.truncate(t: time(v: int(v: month) - n * int(v: 730h) + int(v: 360h)), unit: 1mo)
`;
export const CALENDAR_IMPORTS = ['date', 'timezone'] as const;

/** Most kW that a home draws (agent/history/counting.ts); a register that grows faster is another meter's. */
const MOST_KW = '100.0';

/** So long before a period a register's value still tells what was counted since: of a longer outage nothing is told. */
const BACK = '92d';

/**
 * kWh of each window, from the last value of the register in each. A register that falls was reset: what it shows then was counted since.
 * One that jumps is another meter's, and counts nothing. What was counted while nothing was read is spread evenly over that time, so that
 * days add up. Where a meter is replaced or reset, up to one window is lost.
 */
export const COUNTED = `of = (bucket, start, stop, fields) =>
    from(bucket: bucket)
        |> range(start: start, stop: stop)
        |> filter(fn: (r) => ${OF_METER} and r._field =~ fields)
known = (tables=<-) => tables |> keep(columns: ["_time", "_value", "_field", "${TAGS.model}"])

counted = (bucket, start, every, fields) => {
    // Where the register stood before, however long that is ago: the storage looks it up without reading what is between. Twice,
    // since the first row of all has no row to be counted from.
    before = of(bucket: bucket, start: date.sub(d: ${BACK}, from: start), stop: start, fields: fields) |> last() |> known()

    return union(
        tables: [
            before |> timeShift(duration: -1s),
            before,
            of(bucket: bucket, start: start, stop: stop, fields: fields) |> known(),
        ],
    )
        |> sort(columns: ["_time"])
        |> duplicate(column: "_value", as: "after")
        |> difference(columns: ["_value"], keepFirst: true)
        |> elapsed(unit: 1s)
        |> map(
            fn: (r) =>
                ({r with
                    _value:
                        if r._value >= 0.0 then
                            if r._value <= ${MOST_KW} * float(v: r.elapsed) / 3600.0 + 0.12 then r._value else 0.0
                        else if r.after <= ${MOST_KW} * float(v: r.elapsed) / 3600.0 + 0.12 then
                            r.after
                        else
                            0.0,
                }),
        )
        |> known()
        |> cumulativeSum()
        |> interpolate.linear(every: every)
        |> difference()
        |> range(start: start, stop: stop)
        |> group(columns: ["_field"])
}

// Of a meter that counts both ways and their sum, the sum; of one without the sum, what came in.
first = (tables=<-, columns) =>
    tables
        |> group(columns: columns)
        |> sort(columns: ["_field"])
        |> limit(n: 1)
        |> group()
        |> drop(columns: ["_field", "_start", "_stop"])
`;
export const COUNTED_IMPORTS = [...CALENDAR_IMPORTS, 'interpolate'] as const;

/** What a home has drawn, and its part in each tariff. */
const ENERGY = { sum: 'active_energy', both: 'active_energy_import' } as const satisfies Record<string, Quantity>;
export const DRAWN = `/^(${ENERGY.sum}|${ENERGY.both})$/`;
const TARIFFS = [1, 2, 3, 4].flatMap((n): Quantity[] => [
  `active_energy_t${n as 1 | 2 | 3 | 4}`,
  `active_energy_import_t${n as 1 | 2 | 3 | 4}`,
]);
export const DRAWN_BY_TARIFF = `/^(${TARIFFS.join('|')})$/`;

/** Minutes where a panel shows the day of now; what is older has quarters of an hour. */
export const byMinutes = (start: string, fields: string): string =>
  `counted(bucket: ${BUCKET.minutes}, start: ${start}, every: 1m, fields: ${fields})`;
export const byQuarters = (start: string, fields: string): string =>
  `counted(bucket: ${BUCKET.quarters}, start: ${start}, every: 15m, fields: ${fields})`;

/** Means of quarters of an hour since some local day, as the storage has them. */
export const quarters = (start: string, name: string): string => `from(bucket: ${BUCKET.quarters})
    |> range(start: ${start}, stop: stop)
    |> filter(fn: (r) => ${OF_METER} and r._field == ${name})
    |> group()
    |> keep(columns: ["_time", "_value"])`;

/** The newest raw reading, unless it is older than five minutes; with STOP before it. */
export const newest = (name: string): string => `from(bucket: ${BUCKET.raw})
    |> range(start: date.sub(d: 5m, from: stop), stop: stop)
    |> filter(fn: (r) => ${OF_METER} and r._field == ${name})
    |> last()
    |> group()
    |> keep(columns: ["_time", "_value"])
    |> sort(columns: ["_time"])
    |> tail(n: 1)`;
