import { Committer } from '../../agent/journal/committer.ts';
import { openForWriting } from '../../agent/journal/database.ts';
import type { Entry } from '../../agent/journal/entry.ts';
import { State } from '../../agent/journal/state.ts';
import type { GapCause, Reading, Values } from '../../agent/readings/reading.ts';
import type { LiveFeed } from '../../agent/web/live-feed.ts';
import { commit } from './history.ts';
import { HOUSE } from './readings.ts';

const PLACES = {
  voltage: 1,
  current: 3,
  active_power: 0,
  power_factor: 3,
  frequency: 2,
  active_energy: 2,
  active_energy_t1: 2,
  active_energy_t2: 2,
};
const START_KWH = 1000;

/** What a house draws, as a function of time: 200 W by night, 600 W by day. */
export const wattsAt = (timeMs: number): number =>
  (new Date(timeMs).getUTCHours() >= 6 ? 600 : 200) + (Math.floor(timeMs / 1000) % 7);

/** What the meter shows then. @param kwh that it has counted */
export function valuesAt(timeMs: number, kwh: number): Values {
  const watts = wattsAt(timeMs);
  return {
    voltage: 230.1,
    current: watts / 230,
    active_power: watts,
    power_factor: 0.981,
    frequency: 50.02,
    active_energy: kwh,
    active_energy_t1: kwh * 0.75,
    active_energy_t2: kwh * 0.25,
  };
}

export const reading = (timeMs: number, kwh = START_KWH): Reading => ({
  series: HOUSE,
  timeMs,
  values: valuesAt(timeMs, kwh),
});

/** Readings from `fromMs` on, each `stepMs`, of a counter that grows with them. @returns what the counter shows at the end, kWh */
export function livedThrough(
  stateDir: string,
  fromMs: number,
  toMs: number,
  { stepMs = 60_000, kwh = START_KWH, isRead = (_timeMs: number): boolean => true } = {},
): number {
  const readings: Reading[] = [];
  let counted = kwh;
  for (let timeMs = fromMs; timeMs < toMs; timeMs += stepMs) {
    if (isRead(timeMs)) readings.push(reading(timeMs, counted));
    counted += (wattsAt(timeMs) * stepMs) / 3.6e9;
  }
  commit(stateDir, readings, PLACES);
  return counted;
}

/** A stretch that was not read; both ends are points that are missing. */
export function missed(stateDir: string, fromMs: number, toMs: number, cause: GapCause): void {
  const db = openForWriting(stateDir);
  const gap: Entry = { kind: 'gap', gap: { series: HOUSE, fromMs, toMs, cause } };
  new Committer(db, new State(db)).commit([[gap]]);
  db.close();
}

/** Tells the page of a reading as the collector does. */
export function tell(feed: LiveFeed, { timeMs, values }: Reading): void {
  feed.tell({ series: HOUSE, outcome: { timeMs, held: false, reading: { series: HOUSE, timeMs, values } } });
}

export function tellGap(feed: LiveFeed, timeMs: number, cause: GapCause): void {
  feed.tell({ series: HOUSE, outcome: { timeMs, held: false, cause, message: `no reading: ${cause}` } });
}
