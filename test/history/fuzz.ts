import { expect, test } from 'vitest';
import type { History, HistoryPoint } from '../../agent/history/history.ts';
import { type Period, periodsOf, type Resolution } from '../../agent/history/periods.ts';
import type { Reading } from '../../agent/readings/reading.ts';
import { seededRandom } from '../../agent/simulator/random.ts';
import { bring, commit, keepUp, openHistory } from '../support/history.ts';
import { HOUSE } from '../support/readings.ts';
import { temporaryDirectory } from '../support/temporary.ts';
import { countedIn, inOrder, summaryOf } from './reference.ts';

const GARAGE = { ...HOUSE, meter: 'garage' };
const PI = { measurement: 'host', meter: 'pi', model: 'Pi' };
const HOUR_MS = 3_600_000;

export interface FuzzCase {
  zone: string;
  /** UTC ms. */
  fromMs: number;
  hours: number;
  seed: number;
}

const RESOLUTIONS: readonly Resolution[] = ['minute', 'quarter', 'hour', 'day', 'month'];

/** Readings of two meters and a machine, with gaps and values that are missing. */
export function someReadings({ fromMs, hours, seed }: FuzzCase): Reading[] {
  const random = seededRandom(seed);
  const readings: Reading[] = [];
  let energy = 1000 + random() * 10;
  let gapUntilMs = 0;
  const endMs = fromMs + hours * HOUR_MS;
  for (let timeMs = fromMs; timeMs < endMs; timeMs += 20_000) {
    const watts = Math.round(random() * 3000) - 200;
    energy += (Math.max(0, watts) * 20) / 3_600_000;
    if (random() < 0.002) gapUntilMs = timeMs + random() * 3 * HOUR_MS;
    if (timeMs < gapUntilMs) continue;
    const counted = random() < 0.7 ? { active_energy: Math.floor(energy * 100) / 100 } : {};
    const voltage = random() < 0.98 ? { voltage: Math.round(23_000 + random() * 500) / 100 } : {};
    readings.push({ series: HOUSE, timeMs, values: { active_power: watts, ...voltage, ...counted } });
    if (timeMs % 60_000 === 0) {
      readings.push({
        series: GARAGE,
        timeMs: timeMs + 5000,
        values: { voltage: Math.round(23_000 + random() * 300) / 100 },
      });
      const values = { throttled: random() < 0.01 ? 1 : 0, uptime_seconds: (timeMs - fromMs) / 1000 };
      readings.push({ series: PI, timeMs: timeMs + 1000, values });
    }
  }
  return readings;
}

/** All that was read, at each resolution, against the plain computation. */
export function expectRight(history: History, readings: readonly Reading[], { zone, fromMs, hours }: FuzzCase): void {
  const span = { fromMs, toMs: fromMs + hours * HOUR_MS };
  expect(history.zone.name).toBe(zone);
  for (const resolution of RESOLUTIONS) {
    const periods = periodsOf(resolution, span.fromMs, span.toMs, history.zone);
    for (const series of [HOUSE, GARAGE, PI]) {
      const own = inOrder(readings.filter((reading) => reading.series.meter === series.meter));
      const found = history.points({ ...span, measurement: series.measurement, meter: series.meter }, resolution);
      const filled = periods
        .map((period) => ({ ...period, ...summaryOf(own, period) }))
        .filter(({ count }) => count > 0);
      expect(found.flatMap((one) => one.points).map(plain)).toEqual(filled.map(plain));
    }
    if (resolution === 'minute' || resolution === 'quarter') continue;
    const [energy] = history.energy({ ...span, meter: 'house' }, resolution);
    const house = inOrder(readings.filter(({ series }) => series.meter === 'house'));
    expect(energy?.periods.map(({ fromMs: startMs, toMs }) => [startMs, toMs])).toEqual(
      periods.map((period) => [period.fromMs, period.toMs]),
    );
    for (const period of energy?.periods ?? []) {
      expect(period.energies.active_energy?.amount).toBeCloseTo(countedIn(house, 'active_energy', period), 6);
    }
  }
}

/** What the reference knows as well; sums of binary fractions are not exact. One text each: thousands are compared. */
function plain({ fromMs, toMs, count, quantities }: HistoryPoint | (Period & ReturnType<typeof summaryOf>)): string {
  const shown = Object.entries(quantities).map(([name, quantity]) => {
    const { counted: _c, estimated: _e, breaks: _b, ...known } = quantity as Record<string, unknown>;
    const numbers = Object.entries(known).map(
      ([key, value]) => `${key} ${typeof value === 'number' ? Math.round(value * 1e6) : value}`,
    );
    return `${name}: ${numbers.sort().join(' ')}`;
  });
  return `${fromMs} ${toMs} ${count} ${shown.sort().join(', ')}`;
}

/** Readings come in any order, in pieces, by commits and imports, while the history is kept up in steps of any size. */
export function testHistory(fuzz: FuzzCase): void {
  test(`${fuzz.zone} from ${new Date(fuzz.fromMs).toISOString()}, seed ${fuzz.seed}: as computed from all readings`, () => {
    const random = seededRandom(fuzz.seed + 1);
    const stateDir = temporaryDirectory();
    const readings = someReadings(fuzz);
    // Most in their order, a third anywhere later.
    const late = new Set(readings.filter(() => random() < 0.33));
    const queue = [...readings.filter((reading) => !late.has(reading)), ...[...late].sort(() => random() - 0.5)];
    commit(stateDir, queue.splice(0, 10));
    const options = { timeZone: fuzz.zone, readingsAStep: 50 + Math.floor(random() * 3000) };
    let seen = 0;
    while (queue.length > 0) {
      const portion = queue.splice(0, 1 + Math.floor(random() * readings.length * 0.4));
      if (random() < 0.5) commit(stateDir, portion);
      else bring(stateDir, portion);
      // Known readings again change nothing.
      if (random() < 0.3)
        bring(
          stateDir,
          readings.slice(0, 5).filter((reading) => !queue.includes(reading)),
        );
      if (random() < 0.6) keepUp(stateDir, options);
      if (seen++ === 0) {
        const there = readings.filter((reading) => !queue.includes(reading));
        expectRight(openHistory(stateDir, fuzz.zone), there, fuzz);
      }
    }
    expectRight(openHistory(stateDir, fuzz.zone), readings, fuzz);
    keepUp(stateDir, options);
    expectRight(openHistory(stateDir, fuzz.zone), readings, fuzz);
    // Another zone, and back; a few roll-ups at a time, as of years.
    const other = { ...fuzz, zone: 'Asia/Kolkata' };
    expectRight(openHistory(stateDir, other.zone, 2), readings, other);
    keepUp(stateDir, { timeZone: other.zone });
    expectRight(openHistory(stateDir), readings, other);
  });
}
