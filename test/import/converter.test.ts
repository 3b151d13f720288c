import { expect, test } from 'vitest';
import { Converter, type ConverterOptions } from '../../agent/import/converter.ts';
import type { RawPoint } from '../../agent/import/source.ts';
import { mapValues, parseMapping, SEED_MAPPING } from '../../agent/import/units.ts';

const TIME = Date.UTC(2022, 11, 2, 18, 15);

function converter(options: Partial<ConverterOptions> = {}): Converter {
  return new Converter({
    meter: 'house',
    measurement: 'energy',
    mapping: {},
    fromSeed: false,
    unitsAreSaid: false,
    nowMs: Date.UTC(2026, 10, 21),
    modelsOf: () => ['we-515'],
    origins: {},
    ...options,
  });
}

const point = (fields: Record<string, number>, rest: Partial<RawPoint> = {}): RawPoint => ({
  measurement: 'energy',
  tags: {},
  timeMs: TIME,
  fields,
  isAlone: false,
  ...rest,
});

/** A point as the Python energy-monitor writes it. */
const SEED_FIELDS = {
  frequency: 49.98,
  voltage: 230.11,
  current: 5411,
  active_power: 1234,
  reactive_power: 56,
  apparent_power: 1245,
  power_factory: 0.991,
  active_energy: 423145,
  reactive_energy: 12_340,
};

test('a point of the Python energy-monitor: mA become A, Wh kWh, power_factory power_factor', () => {
  expect(converter({ fromSeed: true }).convert(point(SEED_FIELDS))).toMatchObject({
    reading: {
      series: { measurement: 'energy', meter: 'house', model: 'we-515' },
      timeMs: TIME,
      values: {
        frequency: 49.98,
        voltage: 230.11,
        current: 5.411,
        active_power: 1234,
        reactive_power: 56,
        apparent_power: 1245,
        power_factor: 0.991,
        active_energy: 423.145,
        reactive_energy: 12.34,
      },
    },
  });
});

test('in the same bucket, a point of this agent keeps its units', () => {
  const ours = point({ current: 5.411, active_energy: 423.14 }, { tags: { meter: 'house', model: 'we-515' } });
  expect(converter({ fromSeed: true }).convert(ours)).toMatchObject({
    reading: { values: { current: 5.411, active_energy: 423.14 } },
  });
});

test('a point of the Python energy-monitor among others is not taken in the wrong units', () => {
  expect(() => converter().convert(point(SEED_FIELDS))).toThrow(/comes after others without it/);
});

test.for([1, 7, 999, 1001, 65_535, 423_145, 99_999_999])('%i Wh become kWh without binary dust', (wattHours) => {
  const { active_energy } = mapValues({ active_energy: wattHours }, SEED_MAPPING);
  expect(active_energy).toBe(wattHours / 1000);
});

test.for([
  ['Power (kW)=active_power:1000', { column: 'Power (kW)', quantity: 'active_power', factor: 1000 }],
  ['a=b=voltage', { column: 'a=b', quantity: 'voltage', factor: 1 }],
  ['I=current:1e-3', { column: 'I', quantity: 'current', factor: 0.001 }],
  ['I=currant', undefined],
  ['I=current:0', undefined],
  ['I=current:x', undefined],
  ['current', undefined],
] as const)('--map %s', ([text, expected]) => {
  expect(parseMapping(text)).toEqual(expected);
});

test.for([
  [
    'a time before 2000',
    point({ voltage: 230 }, { timeMs: 1_700_000_000 }),
    /1970-01-20.*before 2000; is the precision right/,
  ],
  ['a time to come', point({ voltage: 230 }, { timeMs: TIME * 1000 }), /is to come; is the precision right/],
  ['no time', point({ voltage: 230 }, { timeMs: Number.NaN }), /the time is before 2000/],
  ['a control character in the name', point({ 'a\nb': 1 }), /is no name of a quantity/],
  ['a meter that no line can carry', point({ voltage: 230 }, { tags: { meter: 'a\\' } }), /is no name of a meter/],
] as const)('%s is refused', ([, wrong, reason]) => {
  expect(() => converter().convert(wrong)).toThrow(reason);
});

test('a factor that makes infinity is refused', () => {
  const mapping = { voltage: { quantity: 'voltage', factor: 1e300 } };
  expect(() => converter({ mapping }).convert(point({ voltage: 1e300 }))).toThrow(/"voltage" is Infinity/);
});

test('other measurements, points without numbers and what retention deletes are left out', () => {
  expect(converter().convert(point({ usage: 1 }, { measurement: 'cpu' }))).toBe('measurement');
  expect(converter().convert(point({}))).toBe('empty');
  expect(converter({ oldestMs: TIME + 1 }).convert(point({ voltage: 230 }))).toBe('old');
});

test('meter and model are asked for where nobody says them', () => {
  expect(() => converter({ meter: undefined }).convert(point({ voltage: 230 }))).toThrow(/which meter/);
  expect(() => converter({ modelsOf: () => [] }).convert(point({ voltage: 230 }))).toThrow(
    /which model meter house is/,
  );
  expect(() => converter({ modelsOf: () => ['a', 'b'] }).convert(point({ voltage: 230 }))).toThrow(/which model/);
});

test('a column of serial numbers by mistake does not use up the series of the journal', () => {
  const one = converter();
  for (let i = 0; i < 64; i++) one.convert(point({ voltage: 230 }, { tags: { meter: `m${i}` } }));
  expect(() => one.convert(point({ voltage: 230 }, { tags: { meter: 'm64' } }))).toThrow(/more than 64 meters/);
});
