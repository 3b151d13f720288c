import { expect, test } from 'vitest';
import { latestReadings } from '../../agent/collector/latest-readings.ts';
import { JournalReader } from '../../agent/journal/reader.ts';
import type { Values } from '../../agent/readings/reading.ts';
import { open } from '../support/open-journal.ts';
import { HOUSE } from '../support/readings.ts';
import { temporaryDirectory } from '../support/temporary.ts';

const BASE = Date.UTC(2026, 10, 21, 12);
const HOUR_S = 3600;
const GARAGE = { ...HOUSE, meter: 'garage' };
const INTERVALS = new Map([
  ['active_energy', HOUR_S * 1000],
  ['voltage', 10_000],
]);

/** Seconds of readings of two meters: power each second, voltage each ten, energy at the first good one of each hour. */
function journalOf(fromS: number, toS: number, isGood: (s: number) => boolean = () => true) {
  const stateDir = temporaryDirectory();
  const journal = open(stateDir);
  let slot = Number.NaN;
  for (let s = fromS; s <= toS; s++) {
    const timeMs = BASE + s * 1000;
    journal.append({ series: GARAGE, timeMs, values: { active_energy: 9999 } }, {});
    if (!isGood(s)) {
      journal.appendGap({ series: HOUSE, fromMs: timeMs, toMs: timeMs, cause: 'timeout' });
      continue;
    }
    const values: Values = { active_power: s };
    if (s % 10 === 0) values.voltage = 230;
    if (Math.floor(s / HOUR_S) !== slot) values.active_energy = s;
    slot = Math.floor(s / HOUR_S);
    journal.append({ series: HOUSE, timeMs, values }, { active_power: 0, active_energy: 0, voltage: 0 });
  }
  journal.close();
  return stateDir;
}

function latest(stateDir: string) {
  const reader = new JournalReader(stateDir);
  let seen = 0;
  const counting: Parameters<typeof latestReadings>[0] = {
    latest: (series) => reader.latest(series),
    gaps: (range) => reader.gaps(range),
    first: (series, range) => {
      seen += 1;
      return reader.first(series, range);
    },
  };
  const found = latestReadings(counting, HOUSE, INTERVALS);
  reader.close();
  const values = Object.assign({}, ...found.map((reading) => reading.values)) as Values;
  return { values, times: found.map(({ timeMs }) => (timeMs - BASE) / 1000), seen };
}

test('each counter is found where its slot began, and the hours between are not read', () => {
  const { values, times, seen } = latest(journalOf(0, 2 * HOUR_S - 5));
  expect(values).toEqual({ active_power: 2 * HOUR_S - 5, voltage: 230, active_energy: HOUR_S });
  expect(times).toEqual([...times].sort((a, b) => a - b));
  expect(seen).toBeLessThanOrEqual(8);
});

test('a slot that began with a gap, and one that has none yet', () => {
  expect(latest(journalOf(0, 2 * HOUR_S, (s) => s < HOUR_S || s > HOUR_S + 900)).values.active_energy).toBe(2 * HOUR_S);
  expect(latest(journalOf(0, 5000, (s) => s < HOUR_S || s > HOUR_S + 900)).values.active_energy).toBe(HOUR_S + 901);
  // The collector was started in the middle of the slot before.
  expect(latest(journalOf(1800, 2000)).values.active_energy).toBe(1800);
  expect(latest(journalOf(3000, 3000)).times).toEqual([3000]);
});

test('a meter that nobody knows has none', () => {
  expect(latest(journalOf(0, -1)).times).toEqual([]);
});
