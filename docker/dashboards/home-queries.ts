import { field } from './names.ts';
import {
  byMinutes,
  byQuarters,
  CALENDAR,
  CALENDAR_IMPORTS,
  COUNTED,
  COUNTED_IMPORTS,
  DRAWN,
  DRAWN_BY_TARIFF,
  newest,
  quarters,
  RANGE,
  STOP,
  script,
  windowed,
} from './query.ts';

const POWER = field('active_power');
const counting = (ask: string, imports: readonly string[] = []) =>
  script({ imports: [...COUNTED_IMPORTS, ...imports], parts: [CALENDAR, COUNTED], ask });
const calendar = (ask: string, parts: readonly string[] = []) =>
  script({ imports: CALENDAR_IMPORTS, parts: [CALENDAR, ...parts], ask });

/** `now` and `before` as two columns: a period until now, and as much of the one before. */
const against = (
  stream: string,
  now: string,
  before: string,
) => `sameTime = time(v: int(v: ${before}) + int(v: stop) - int(v: ${now}))

${stream}
    |> filter(fn: (r) => r._time >= ${now} or r._time < sameTime and r._time < ${now})
    |> map(fn: (r) => ({r with period: if r._time >= ${now} then "now" else "before"}))
    |> group(columns: ["_field", "period"])
    |> sum()
    |> first(columns: ["period"])
    |> map(fn: (r) => ({r with _time: stop}))
    |> pivot(rowKey: ["_time"], columnKey: ["period"], valueColumn: "_value")`;

/** Sums of calendar periods, each with the time of its beginning. */
const bars = (stream: string, every: string) => `${stream}
    |> aggregateWindow(every: ${every}, fn: sum, timeSrc: "_start")
    |> first(columns: ["_time"])
    |> sort(columns: ["_time"])
    |> rename(columns: {_value: "energy"})`;

const WEEKDAYS = ['Sun', 'Mon', 'Tue', 'Wed', 'Thu', 'Fri', 'Sat'] as const;

/** What Home asks; each with what its numbers are. */
export const HOME = {
  /** W */
  powerNow: script({
    imports: ['date'],
    parts: [STOP],
    ask: `${newest(POWER)}\n    |> rename(columns: {_value: "power"})`,
  }),
  /** kWh: `now` since midnight, `before` in as many hours of yesterday. */
  today: counting(against(byMinutes('daysAgo(n: 1)', DRAWN), 'today', 'daysAgo(n: 1)')),
  /** kWh: `now` since the first of the month, `before` in as many hours of the last month. */
  month: counting(against(byQuarters('monthsAgo(n: 1)', DRAWN), 'month', 'monthsAgo(n: 1)')),
  /** W: the mean, and the most within. */
  curve: script({
    parts: [RANGE],
    ask: `${windowed('active_power', 'mean', 'mean')} |> yield(name: "mean")
${windowed('active_power', 'most', 'most')} |> yield(name: "most")`,
  }),
  /** kWh of each of the last 31 days. */
  days: counting(bars(byQuarters('daysAgo(n: 30)', DRAWN), '1d')),
  /** kWh of each of the last 13 months. */
  months: counting(bars(byQuarters('monthsAgo(n: 12)', DRAWN), '1mo')),
  /** kWh of each tariff this month. */
  tariffs: counting(
    `${byQuarters('month', DRAWN_BY_TARIFF)}
    |> sum()
    |> map(fn: (r) => ({_time: stop, _value: r._value, tariff: "T" + strings.substring(v: r._field, start: strings.strlen(v: r._field) - 1, end: strings.strlen(v: r._field))}))
    |> group()
    |> pivot(rowKey: ["_time"], columnKey: ["tariff"], valueColumn: "_value")`,
    ['strings'],
  ),
  /** W: the mean of each hour of the week, of the last eight weeks; without the days on which the clocks change. */
  week: calendar(`weekday = date.weekDay(t: today)

${quarters('daysAgo(n: 56)', POWER)}
    |> filter(fn: (r) => r._time < today)
    |> aggregateWindow(every: 1h, fn: mean, timeSrc: "_start", createEmpty: false)
    |> window(every: 1d)
    |> filter(fn: (r) => int(v: r._stop) - int(v: r._start) == int(v: 24h))
    |> group()
    |> map(
        fn: (r) =>
            ({
                _value: r._value,
                hour: (int(v: r._time) - int(v: r._start)) / int(v: 1h),
                day: (weekday + 70 - (int(v: today) - int(v: r._start) + int(v: 12h)) / int(v: 24h)) % 7,
            }),
    )
    |> group(columns: ["hour", "day"])
    |> mean()
    |> group()
    |> map(fn: (r) => ({r with day: ${WEEKDAYS.map((name, n) => (n < 6 ? `if r.day == ${n} then "${name}" else ` : `"${name}"`)).join('')}}))
    |> pivot(rowKey: ["hour"], columnKey: ["day"], valueColumn: "_value")
    |> sort(columns: ["hour"])`),
  /** W: the lowest quarter of an hour of each of the last 30 whole days. */
  baseLoad: calendar(`${quarters('daysAgo(n: 30)', POWER)}
    |> filter(fn: (r) => r._time < today)
    |> aggregateWindow(every: 1d, fn: min, timeSrc: "_start", createEmpty: false)
    |> keep(columns: ["_time", "_value"])
    |> rename(columns: {_value: "base load"})`),
  /** W: the highest quarter of an hour of each of the last 13 months. */
  peaks: calendar(`${quarters('monthsAgo(n: 12)', POWER)}
    |> aggregateWindow(every: 1mo, fn: max, timeSrc: "_start", createEmpty: false)
    |> keep(columns: ["_time", "_value"])
    |> rename(columns: {_value: "peak"})`),
  /** The price times the month's kWh; nothing while there is no price. Half of Europe writes it with a comma. */
  cost: counting(
    `typed = strings.trimSpace(v: strings.replace(v: "\${price:raw}", t: ",", u: ".", i: 1))
price = float(v: if typed == "" then "0" else typed)

${byQuarters('month', DRAWN)}
    |> filter(fn: (r) => price > 0.0)
    |> sum()
    |> map(fn: (r) => ({_field: r._field, _time: stop, _value: r._value * price}))
    |> first(columns: ["_time"])
    |> rename(columns: {_value: "cost"})`,
    ['strings'],
  ),
} as const;
