import { BUCKET, ROLLUP, TAGS } from './names.ts';
import { OF_METER, RANGE, STOP, script, windowed, windowedByPhase } from './query.ts';

/** EN 50160, low voltage: 230 V +/- 10 % in 95 % of a week's 10-minute means, +10 / -15 % in all; 50 Hz +/- 1 % in 99.5 % of a year. */
export const LIMITS = {
  voltage: { low: 207, high: 253, lowest: 195.5 },
  frequency: { low: 49.5, high: 50.5 },
} as const;

/** Roll-ups of minutes of the page's range, but never more than its last ten days: 14 400 points a field. */
const MINUTES = `${STOP}tenDays = time(v: int(v: stop) - int(v: 240h))
start = if v.timeRangeStart < tenDays then tenDays else v.timeRangeStart
minutes = (fields) =>
    from(bucket: ${BUCKET.minutes})
        |> range(start: start, stop: stop)
        |> filter(fn: (r) => ${OF_METER} and r._field =~ fields)
`;

/** Means of ten minutes, of what was read of them. */
const BY_PHASE = `minutes(fields: /^voltage(_l[123])?$/)
    |> aggregateWindow(every: 10m, fn: mean, timeSrc: "_start", createEmpty: false)`;

/** All of them: phases count one by one. */
const TEN_MINUTES = `${BY_PHASE}
    |> group()
    |> keep(columns: ["_time", "_value"])`;

/** With a column of the row itself: a map without one loses all rows behind the first thousand (influxd 2.9.1, measured). */
const share = (within: string) =>
  `|> map(fn: (r) => ({_time: r._time, _value: if ${within} then 100.0 else 0.0}))
    |> mean()
    |> map(fn: (r) => ({_time: stop, share: r._value}))`;

const { voltage, frequency } = LIMITS;
const decimal = (value: number) => (Number.isInteger(value) ? `${value}.0` : String(value));

/** What Power quality asks; each with what its numbers are. */
export const QUALITY = {
  /** V: mean, least and most of each step, of each phase. */
  voltage: script({
    parts: [RANGE],
    ask: `${windowedByPhase('voltage', 'mean')}
    |> yield(name: "mean")
${windowedByPhase('voltage', 'least')}
    |> yield(name: "least")
${windowedByPhase('voltage', 'most')}
    |> yield(name: "most")`,
  }),
  /** % of the 10-minute means. */
  voltageShare: script({
    parts: [MINUTES],
    ask: `${TEN_MINUTES}
    ${share(`r._value >= ${decimal(voltage.low)} and r._value <= ${decimal(voltage.high)}`)}`,
  }),
  /** V: the lowest and the highest 10-minute mean. */
  voltageExtremes: script({
    parts: [MINUTES],
    ask: `${TEN_MINUTES}
    |> reduce(
        identity: {lowest: 1000000.0, highest: 0.0},
        fn: (r, accumulator) =>
            ({
                lowest: if r._value < accumulator.lowest then r._value else accumulator.lowest,
                highest: if r._value > accumulator.highest then r._value else accumulator.highest,
            }),
    )
    |> map(fn: (r) => ({_time: stop, lowest: r.lowest, highest: r.highest}))`,
  }),
  /** V: each 10-minute mean, of each phase. */
  tenMinutes: script({
    parts: [MINUTES],
    ask: `${BY_PHASE}
    |> group(columns: ["${TAGS.model}"])
    |> pivot(rowKey: ["_time"], columnKey: ["_field"], valueColumn: "_value")
    |> drop(columns: ["_start", "_stop", "_measurement", "${TAGS.meter}"])`,
  }),
  /** % of minutes in which no single reading was beyond the limit: stricter than the standard's means of 10 s. */
  frequencyShare: script({
    parts: [MINUTES],
    ask: `minutes(fields: /^frequency(${ROLLUP.least}|${ROLLUP.most})$/)
    |> group()
    |> pivot(rowKey: ["_time"], columnKey: ["_field"], valueColumn: "_value")
    ${share(`r.frequency${ROLLUP.least} >= ${decimal(frequency.low)} and r.frequency${ROLLUP.most} <= ${decimal(frequency.high)}`)}`,
  }),
  /** Hz */
  frequency: script({
    parts: [RANGE],
    ask: `${windowed('frequency', 'mean', 'mean')} |> yield(name: "mean")
${windowed('frequency', 'least', 'least')} |> yield(name: "least")
${windowed('frequency', 'most', 'most')} |> yield(name: "most")`,
  }),
  /** W, var, VA */
  powers: script({
    parts: [RANGE],
    ask: `${windowed('active_power', 'mean', 'P')} |> yield(name: "P")
${windowed('reactive_power', 'mean', 'Q')} |> yield(name: "Q")
${windowed('apparent_power', 'mean', 'S')} |> yield(name: "S")`,
  }),
  powerFactor: script({ parts: [RANGE], ask: windowedByPhase('power_factor', 'mean') }),
  /** A */
  current: script({ parts: [RANGE], ask: windowedByPhase('current', 'most') }),
  /** Readings of each minute. */
  readings: script({
    parts: [MINUTES],
    ask: `minutes(fields: /^${ROLLUP.count}$/)
    |> aggregateWindow(every: if int(v: v.windowPeriod) > int(v: 1m) then v.windowPeriod else 1m, fn: min, timeSrc: "_start")
    |> group(columns: ["${TAGS.model}"])
    |> keep(columns: ["_time", "_value", "${TAGS.model}"])
    |> rename(columns: {_value: "readings"})`,
  }),
  /**
   * Minutes without a reading within the range: from the first minute that has one, until now for one that goes on. A meter that is read
   * each quarter of an hour has a gap where more than a quarter is missing: the least distance of two minutes with a reading is the rule.
   */
  gaps: script({
    imports: ['array', 'date'],
    parts: [MINUTES],
    ask: `read = minutes(fields: /^${ROLLUP.count}$/) |> group() |> keep(columns: ["_time"]) |> sort(columns: ["_time"])
steps = read |> elapsed(unit: 1m) |> min(column: "elapsed") |> findColumn(fn: (key) => true, column: "elapsed")
step = if length(arr: steps) > 0 then steps[0] else 1
// A gap that goes on has no minute behind it: what a roll-up may be late, before the end, serves as one.
end = array.from(rows: [{_time: date.sub(d: 3m, from: date.truncate(t: stop, unit: 1m))}])
    |> filter(fn: (r) => r._time > start)

union(tables: [read, end])
    |> sort(columns: ["_time"])
    |> elapsed(unit: 1m)
    |> filter(fn: (r) => r.elapsed > step)
    |> map(
        fn: (r) =>
            ({
                _time: time(v: int(v: r._time) - (r.elapsed - step) * int(v: 1m)),
                until: r._time,
                minutes: r.elapsed - step,
            }),
    )
    |> sort(columns: ["_time"], desc: true)`,
  }),
} as const;

/**
 * The same as spans for a dashboard's time axis: `time`, `timeEnd` and `text` are what Grafana looks for. The newest only: Grafana
 * refuses an answer of more than ten times the 100 points that it asks an annotation for.
 */
export const GAP_SPANS = `${QUALITY.gaps}
    |> limit(n: 500)
    |> map(fn: (r) => ({time: r._time, timeEnd: r.until, text: "no reading for " + string(v: r.minutes) + " min"}))`;

/** What a person reads for a quantity's columns: of the meter as a whole, and of each phase. */
export function columnNames(quantity: 'voltage' | 'current' | 'power_factor', aspects: Record<string, string>) {
  const phases = ['', '_l1', '_l2', '_l3'];
  return Object.fromEntries(
    Object.entries(aspects).flatMap(([suffix, name]) =>
      phases.map((phase) => [
        `${quantity}${phase}${suffix}`,
        phase === '' ? name : `${name} ${phase.slice(1).toUpperCase()}`,
      ]),
    ),
  );
}
