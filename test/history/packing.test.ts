import fc from 'fast-check';
import { expect, test } from 'vitest';
import { MinuteBuilder } from '../../agent/history/minute.ts';
import { packedFields, packRollup, unpackRollup } from '../../agent/history/packing.ts';
import { rawFields, unpackRaw } from '../../agent/history/raw-layout.ts';
import type { Rollup } from '../../agent/history/rollup.ts';
import { layoutOf, pack } from '../../agent/journal/packing.ts';
import { WE_515 } from '../../agent/meters/orno.ts';
import type { Values } from '../../agent/readings/reading.ts';
import { Household } from '../../agent/simulator/household.ts';
import { VirtualMeter } from '../../agent/simulator/virtual-meter.ts';
import { HOUSE } from '../support/readings.ts';

const START_MS = 1_772_323_200_000;
const DECIMALS: Readonly<Record<string, number>> = { voltage: 2, active_power: 0, active_energy: 2, throttled: 0 };

/** A minute of readings, through the journal's packing. */
function minuteOf(readings: { timeMs: number; values: Values }[], decimals = DECIMALS): Rollup {
  const builder = new MinuteBuilder();
  for (const { timeMs, values } of readings) {
    const layout = layoutOf(values, decimals);
    const fields = rawFields(layout);
    const numbers = new Float64Array(fields.length);
    unpackRaw(fields, Buffer.from(pack(layout, values)).toString('hex'), numbers);
    builder.add({ series: HOUSE, key: '', timeMs, fields, numbers });
  }
  return builder.rollup;
}

const value = fc.oneof(
  fc.integer({ min: -3_600_000, max: 99_999_999 }).map((n) => n / 100),
  fc.double({ min: -1e12, max: 1e12, noNaN: true }),
  fc.constantFrom(0, 1e300, -1e300, 2 ** 52, 2 ** 60),
);
const names = ['voltage', 'active_power', 'active_energy', 'throttled', 'of_nobody'];
const reading = fc.record({
  second: fc.nat(59),
  values: fc.dictionary(fc.constantFrom(...names), value, { minKeys: 1 }),
});

test('what is packed comes back, whatever the values are', () => {
  fc.assert(
    fc.property(fc.array(reading, { minLength: 1, maxLength: 20 }), (readings) => {
      const inOrder = readings
        .map(({ second, values }) => ({ timeMs: START_MS + second * 1000, values }))
        .sort((a, b) => a.timeMs - b.timeMs);
      const minute = minuteOf(inOrder);
      const layout = packedFields(minute);
      const data = packRollup(minute, 'minute', START_MS);
      const fields = (rollup: Rollup) => ({ ...rollup, fields: Object.fromEntries(rollup.fields) });
      expect(fields(unpackRollup(layout, data, 'minute', START_MS))).toEqual(fields(minute));
      expect(() => unpackRollup(layout, data.subarray(0, -1), 'minute', START_MS)).toThrow(RangeError);
    }),
    { seed: 5, numRuns: 300 },
  );
});

test('a minute of a WE-515 takes at most 200 bytes', () => {
  const decimals = Object.fromEntries(WE_515.fields.map((field) => [field.quantity, field.decimals]));
  const meter = new VirtualMeter({ model: WE_515, load: new Household({ seed: 1 }) }, START_MS);
  let longest = 0;
  for (let minute = 0; minute < 1440; minute++) {
    const fromMs = START_MS + minute * 60_000;
    const readings = Array.from({ length: 60 }, (_, second) => {
      meter.advance(fromMs + second * 1000);
      return { timeMs: fromMs + second * 1000, values: { ...meter.values(), start_offset: 0.002, duration: 0.21 } };
    });
    const rollup = minuteOf(readings, { ...decimals, start_offset: 3, duration: 3 });
    longest = Math.max(longest, packRollup(rollup, 'minute', fromMs).length);
  }
  expect(longest).toBeLessThanOrEqual(200);
});

test('only what is wanted is unpacked', () => {
  const minute = minuteOf([{ timeMs: START_MS, values: { voltage: 230.1, active_power: 100, active_energy: 5.25 } }]);
  const wanted = unpackRollup(
    packedFields(minute),
    packRollup(minute, 'minute', START_MS),
    'minute',
    START_MS,
    new Set(['active_energy']),
  );
  expect([...wanted.fields.keys()]).toEqual(['active_energy']);
  expect(wanted.fields.get('active_energy')).toEqual(minute.fields.get('active_energy'));
});
