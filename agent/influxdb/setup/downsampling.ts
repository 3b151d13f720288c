import { fluxString } from '../flux.ts';
import { findFlux, healingFlux, mendFlux } from './healing-flux.ts';
import { head, rollUpFlux } from './rollup-flux.ts';

/** Buckets of the down-sampling. */
export interface Rollups {
  raw: string;
  /** Window `1m` and `15m`. */
  minutes: string;
  quarters: string;
}

export interface TaskScript {
  name: string;
  description: string;
  flux: string;
}

/** Rolls up the last windows, some more than once: what is late by minutes needs no other task. */
function latest(
  raw: string,
  into: string,
  { every, offset, back }: Record<'every' | 'offset' | 'back', string>,
): TaskScript {
  const name = `energy-monitor ${into}`;
  const flux = `${head(name, every, offset)}${rollUpFlux(raw)}
stop = date.truncate(t: now(), unit: ${every})
start = date.sub(d: ${back}, from: stop)

rollUp(start: start, stop: stop, meter: /.*/, every: ${every})
    |> columns()
    |> influxdb.wideTo(bucket: ${fluxString(into)})
`;
  return { name, description: `rolls up the last windows of ${raw}`, flux };
}

/** A week's outage and a day: most of what comes late is found within a quarter of an hour. */
const RECENT = `
stop = hour(t: now())
start = date.sub(d: 8d, from: stop)
`;

/**
 * One of the slices of 28 days that what is older is cut into, another each hour: what it costs does not grow with the years that there
 * are, only the time until the slice's turn.
 */
const SLICE = `
recent = date.sub(d: 7d, from: hour(t: now()))
firsts =
    readings(start: 0, stop: recent, meter: /.*/)
        |> first()
        |> keep(columns: ["_time"])
        |> group()
        |> sort(columns: ["_time"])
        |> findColumn(fn: (key) => true, column: "_time")
sliceNs = int(v: 28d)
spanNs = if length(arr: firsts) == 0 then 1 else int(v: recent) - int(v: firsts[0])
turn = int(v: now()) / int(v: 1h) % (1 + (spanNs - 1) / sliceNs)
stop = time(v: int(v: recent) - turn * sliceNs)
start = time(v: int(v: stop) - sliceNs)
`;

/**
 * The tasks that fill the roll-ups. Each window carries the time of its start, as the groups of `energy-monitor readings --every`.
 * Writing a window again replaces it: same series, same time.
 */
export function taskScripts({ raw, minutes, quarters }: Rollups): TaskScript[] {
  const healing = (what: string, every: string, offset: string, description: string, script: string): TaskScript => {
    const name = `energy-monitor ${raw} ${what}`;
    return { name, description, flux: `${head(name, every, offset)}${healingFlux(raw)}${script}` };
  };
  const find = findFlux(minutes, quarters);
  return [
    // Offsets: a batch of the collector is 10 s long, and the wider task finds the narrower one's work done.
    latest(raw, minutes, { every: '1m', offset: '20s', back: '5m' }),
    latest(raw, quarters, { every: '15m', offset: '40s', back: '1h' }),
    healing('late', '15m', '2m', `finds readings of ${raw} that came late`, RECENT + find),
    healing('old', '1h', '7m', `finds late readings of ${raw} of more than a week ago`, SLICE + find),
    healing(
      'mend',
      '5m',
      '3m',
      `computes roll-ups of ${raw} anew where readings came late`,
      mendFlux(minutes, quarters),
    ),
  ];
}
