import { expect, test } from 'vitest';
import type { Resolution } from '../../agent/history/periods.ts';
import { WE_515 } from '../../agent/meters/orno.ts';
import type { Reading } from '../../agent/readings/reading.ts';
import { VirtualMeter } from '../../agent/simulator/virtual-meter.ts';
import { commit, keepUp, openHistory, PLACES, readingsOf } from '../support/history.ts';
import { HOUSE } from '../support/readings.ts';
import { temporaryDirectory } from '../support/temporary.ts';
import { countedIn, inOrder } from './reference.ts';

const HOUR_MS = 3_600_000;
/** 12:00 in Berlin. */
const NOON_MS = Date.parse('2026-11-21T11:00Z');
const cents = (n: number) => Math.round(n * 1e4) / 1e4;

/** Energy by periods, from the history and, before that is there, from readings alone: both are the same. */
function energyOf(readings: readonly Reading[], resolution: Resolution, fromMs: number, toMs: number) {
  const stateDir = temporaryDirectory();
  commit(stateDir, readings);
  const shown = () =>
    openHistory(stateDir, 'Europe/Berlin')
      .energy({ fromMs, toMs }, resolution)
      .map(({ meter, periods }) => ({
        meter,
        periods: periods.map(({ energies }) => {
          const { amount = 0, estimated = 0, breaks = 0 } = energies.active_energy ?? {};
          return { amount: cents(amount), estimated: cents(estimated), breaks };
        }),
      }));
  const before = shown();
  keepUp(stateDir);
  expect(shown()).toEqual(before);
  return before[0]?.periods ?? [];
}

/** A constant load: a reading each ten seconds, counted in steps of 10 Wh. */
function steady(watts: number, fromMs: number, toMs: number, startKwh: number): Reading[] {
  return readingsOf(HOUSE, fromMs, (toMs - fromMs) / 10_000, 10_000, (timeMs) => ({
    active_power: watts,
    active_energy: Math.floor((startKwh + (watts * (timeMs - fromMs)) / 3.6e9) * 100 + 1e-6) / 100,
  }));
}

const exact = (amount: number) => ({ amount, estimated: 0, breaks: 0 });

test('hours add up to the difference of the counter, whatever lies between its steps', () => {
  const readings = steady(730, NOON_MS, NOON_MS + 5 * HOUR_MS, 4000.003);
  const hours = energyOf(readings, 'hour', NOON_MS, NOON_MS + 5 * HOUR_MS);
  expect(hours).toHaveLength(5);
  const [first, last] = [readings[0], readings.at(-1)].map((reading) => reading?.values.active_energy ?? 0);
  expect(cents(hours.reduce((sum, { amount }) => sum + amount, 0))).toBe(cents((last ?? 0) - (first ?? 0)));
  for (const { amount } of hours) expect(Math.abs(amount - 0.73)).toBeLessThan(0.02);
});

test('a gap within an hour costs nothing; one over hours is spread over its time, and said', () => {
  const before = steady(1000, NOON_MS, NOON_MS + 600_000, 100);
  // Until 12:40 nothing is read, then 0.6 kWh more are there.
  const after = steady(0, NOON_MS + 2_400_000, NOON_MS + HOUR_MS, 100.76);
  const [hour] = energyOf([...before, ...after], 'hour', NOON_MS, NOON_MS + HOUR_MS);
  expect(hour).toEqual(exact(0.76));
  // 12:30 to 15:30: 3 kWh, half an hour of it in the first hour.
  const until = steady(0, NOON_MS, NOON_MS + 1_810_000, 200);
  const from = steady(0, NOON_MS + 3.5 * HOUR_MS, NOON_MS + 4 * HOUR_MS, 203);
  const hours = energyOf([...until, ...from], 'hour', NOON_MS, NOON_MS + 4 * HOUR_MS);
  expect(hours).toEqual([0.5, 1, 1, 0.5].map((amount) => ({ amount, estimated: amount, breaks: 0 })));
});

test('what was counted around the span that is asked for reaches into it', () => {
  const readings = [
    ...steady(0, NOON_MS, NOON_MS + 10_000, 50),
    ...steady(0, NOON_MS + 10 * HOUR_MS, NOON_MS + 10.1 * HOUR_MS, 60),
  ];
  const [hour] = energyOf(readings, 'hour', NOON_MS + 4 * HOUR_MS, NOON_MS + 5 * HOUR_MS);
  expect(hour).toEqual({ amount: 1, estimated: 1, breaks: 0 });
  const hours = energyOf(readings, 'hour', NOON_MS + 9 * HOUR_MS, NOON_MS + 11 * HOUR_MS);
  expect(hours).toEqual([{ amount: 1, estimated: 1, breaks: 0 }, exact(0)]);
});

test.for([
  ['reset', 4236.89, 0, 1, 0],
  ['replaced by one that shows less', 4236.89, 1200.5, 1, 0],
  ['replaced by one that shows more', 4236.89, 9000.5, 1, 0],
  ['at its maximum', 999_999.99, 0, 0, 0.01],
] as const)('a counter that is %s adds no jump', ([, ends, begins, breaks, more]) => {
  const first = steady(360, NOON_MS, NOON_MS + 1_800_000, ends - 0.18);
  const second = steady(360, NOON_MS + 1_800_000, NOON_MS + HOUR_MS, begins);
  const [hour] = energyOf([...first, ...second], 'hour', NOON_MS, NOON_MS + HOUR_MS);
  const grown = (readings: Reading[]) =>
    (readings.at(-1)?.values.active_energy ?? 0) - (readings[0]?.values.active_energy ?? 0);
  expect(hour?.breaks).toBe(breaks);
  expect(Math.abs((hour?.amount ?? 0) - (grown(first) + grown(second) + more))).toBeLessThan(0.0101);
});

test('a meter of another model under the same name goes on, without the difference of both', () => {
  const old = steady(1000, NOON_MS, NOON_MS + HOUR_MS, 8000);
  const other = steady(1000, NOON_MS + HOUR_MS, NOON_MS + 2 * HOUR_MS, 3).map((reading) => ({
    ...reading,
    series: { ...HOUSE, model: 'sdm120' },
  }));
  const hours = energyOf([...old, ...other], 'hour', NOON_MS, NOON_MS + 2 * HOUR_MS);
  expect(hours.map(({ amount }) => Math.round(amount * 10))).toEqual([10, 10]);
});

test('days of 23, 24 and 25 hours have the energy of their hours', () => {
  for (const [from, hours] of [
    ['2026-03-28T23:00Z', 23],
    ['2026-11-20T23:00Z', 24],
    ['2026-10-24T22:00Z', 25],
  ] as const) {
    const fromMs = Date.parse(from);
    const readings = readingsOf(HOUSE, fromMs, 30 * 60, 60_000, (timeMs) => ({
      active_energy: Math.round((timeMs - fromMs) / 36_000) / 100,
    }));
    const [day] = energyOf(readings, 'day', fromMs, fromMs + 1000);
    expect(day).toEqual(exact(hours));
  }
});

test('below an hour the power gives the shape, and the register the sum', () => {
  const stateDir = temporaryDirectory();
  // 30 W in one half of the hour, 90 in the other: 60 Wh, of which the register sees six steps.
  const watts = (timeMs: number) => (timeMs < NOON_MS + HOUR_MS / 2 ? 30 : 90);
  let wattHours = 3;
  const readings = readingsOf(HOUSE, NOON_MS, 3600, 1000, (timeMs) => {
    wattHours += watts(timeMs) / 3600;
    const counted = Math.floor(wattHours / 10) / 100;
    // A reading in ten has the counters.
    const energy =
      timeMs % 10_000 === 0 ? { active_energy: 10 + counted, active_energy_t1: 5 + counted, active_energy_t2: 7 } : {};
    return { active_power: watts(timeMs), ...energy };
  });
  commit(stateDir, readings);
  keepUp(stateDir);
  const span = { fromMs: NOON_MS, toMs: NOON_MS + HOUR_MS };
  const [house] = openHistory(stateDir).points(span, 'minute', [
    'active_energy',
    'active_energy_t1',
    'active_energy_t2',
  ]);
  const counted = (name: string) =>
    house?.points.map(({ quantities }) => {
      const quantity = quantities[name];
      return quantity?.kind === 'counter' ? quantity.counted : Number.NaN;
    }) ?? [];
  for (const name of ['active_energy', 'active_energy_t1']) {
    const minutes = counted(name);
    expect(minutes).toHaveLength(60);
    expect(cents(minutes.reduce((sum, one) => sum + one, 0))).toBe(0.06);
    // Each minute as its power, not in steps.
    expect(new Set(minutes.slice(1, 29).map((one) => one.toFixed(7))).size).toBe(1);
    expect((minutes[45] ?? 0) / (minutes[15] ?? 1)).toBeCloseTo(3, 2);
  }
  expect(new Set(counted('active_energy_t2'))).toEqual(new Set([0]));
});

test('a day of a household: hours, their quarters and minutes have one sum, with tariffs', () => {
  const stateDir = temporaryDirectory();
  const fromMs = Date.parse('2026-11-20T23:00Z');
  const load = {
    at: (timeMs: number) => ({
      activeW: 200 + (timeMs % 7_000_000) / 3000,
      reactiveVar: 40,
      voltageV: 230,
      frequencyHz: 50,
    }),
  };
  const meter = new VirtualMeter({ model: WE_515, load }, fromMs);
  const decimals = { ...PLACES, ...Object.fromEntries(WE_515.fields.map((field) => [field.quantity, field.decimals])) };
  const readings = readingsOf(HOUSE, fromMs, 24 * 360, 10_000, (timeMs) => {
    meter.advance(timeMs);
    return meter.values();
  });
  commit(stateDir, readings, decimals);
  keepUp(stateDir);
  const span = { fromMs, toMs: fromMs + 24 * HOUR_MS };
  const history = openHistory(stateDir);
  for (const name of ['active_energy', 'active_energy_t2', 'active_energy_t3', 'reactive_energy']) {
    const sums = (['minute', 'quarter', 'hour', 'day', 'month'] as const).map((resolution) => {
      const [house] = history.energy(span, resolution);
      return cents(house?.periods.reduce((sum, { energies }) => sum + (energies[name]?.amount ?? 0), 0) ?? 0);
    });
    const all = countedIn(inOrder(readings), name, span);
    expect(all).toBeGreaterThan(0.5);
    expect(sums).toEqual(Array.from({ length: 5 }, () => cents(all)));
  }
});

test('what counters did in years is told in parts as it is at once; more than fits into memory is refused', () => {
  const stateDir = temporaryDirectory();
  const fromMs = Date.parse('2021-01-01T00:00Z');
  const toMs = fromMs + 420 * 24 * HOUR_MS;
  // Hours are without readings, days, and a month; the counter is reset now and then.
  const times = Array.from({ length: 920 }, (_, i) => fromMs + i * 11 * HOUR_MS).filter(
    (timeMs, i) => timeMs < toMs && i % 7 !== 3 && i % 50 > 4 && Math.floor(i / 70) % 9 !== 2,
  );
  const counted = (i: number) => ({ active_energy: ((i * 7) % 6000) / 2 });
  commit(
    stateDir,
    times.map((timeMs, i) => ({ series: HOUSE, timeMs, values: counted(i) })),
  );
  keepUp(stateDir);
  const energy = (mostRows: number, resolution: Resolution) =>
    openHistory(stateDir, 'Europe/Berlin', mostRows).energy({ fromMs, toMs, meter: 'house' }, resolution);
  for (const resolution of ['hour', 'day', 'month'] as const) {
    const parts = energy(resolution === 'month' ? 1 : 50, resolution);
    expect(parts[0]?.periods.length).toBeGreaterThan(12);
    expect(parts).toEqual(energy(1e9, resolution));
  }
  // From the first reading on.
  const [house] = openHistory(stateDir).energy({ fromMs: 0, toMs, meter: 'house' }, 'day');
  expect(house?.periods[0]?.isRead).toBe(true);
  commit(stateDir, [{ series: HOUSE, timeMs: fromMs - 4 * 365 * 24 * HOUR_MS, values: counted(0) }]);
  expect(() => openHistory(stateDir).energy({ fromMs: 0, toMs, meter: 'house' }, 'hour')).toThrow(
    expect.objectContaining({ code: 'usage', message: 'that are more than 40000 periods of an hour' }),
  );
});

test.each([
  ['UTC', 3],
  ['Asia/Kolkata', 1],
])('%s: what a day has counted does not depend on the days beside it, where its last reading is far or lacks the counter', (zone, days) => {
  const stateDir = temporaryDirectory();
  const midnightMs = Date.parse(zone === 'UTC' ? '2026-05-02T00:00Z' : '2026-05-01T18:30Z');
  const MINUTE_MS = 60_000;
  // Then nothing for more than two hours, and before it one reading that has no counter.
  const minutes = [-400, -300, -146, -40, 30, 60].map((minute) => midnightMs + minute * MINUTE_MS);
  const readings = minutes.map((timeMs, i) => ({
    series: HOUSE,
    timeMs,
    values: { active_power: 100, ...(i === 3 ? {} : { active_energy: 10 + i }) },
  }));
  commit(stateDir, readings);
  keepUp(stateDir, { timeZone: zone });
  const history = openHistory(stateDir, zone);
  const amounts = (fromMs: number, toMs: number) =>
    history
      .energy({ fromMs, toMs }, 'hour')
      .flatMap(({ periods }) => periods.map(({ energies }) => energies.active_energy?.amount ?? 0));
  const whole = amounts(midnightMs - 8 * HOUR_MS, midnightMs + days * HOUR_MS);
  expect(amounts(midnightMs, midnightMs + days * HOUR_MS)).toEqual(whole.slice(-days));
  expect(amounts(midnightMs - HOUR_MS, midnightMs)).toEqual([whole.at(-days - 1)]);
  expect(whole.at(-days)).toBeGreaterThan(0.3);
});
