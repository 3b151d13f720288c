import fc from 'fast-check';
import { expect, test } from 'vitest';
import { decodeBlock, decodeField, decodeRaw, encodeField, encodeRaw, resolutionAt } from '../../agent/meters/codec.ts';
import { SDM120, SDM630 } from '../../agent/meters/eastron.ts';
import { type Field, fieldEnd, type MeterModel, type Order, type RegisterType } from '../../agent/meters/model.ts';
import { WE_504, WE_514, WE_515 } from '../../agent/meters/orno.ts';
import { WE_516 } from '../../agent/meters/orno-three-phase.ts';
import { crcMatches } from '../../agent/modbus/crc.ts';
import type { Quantity } from '../../agent/readings/quantity.ts';

const U16 = { type: 'u16', wordOrder: 'high-first', byteOrder: 'high-first' } as const;

const fieldsOf = (...quantities: Quantity[]) => WE_515.fields.filter((field) => quantities.includes(field.quantity));

/** Register contents as they stand in a reply between the byte count and the CRC. */
test.for([
  ['50.01 Hz and 230.15 V', 0x0130, '138959e7', { frequency: 50.01, voltage: 230.15 }],
  ['5.412 A', 0x0139, '00001524', { current: 5.412 }],
  ['1234 W', 0x0140, '000004d2', { active_power: 1234 }],
  ['-2500 W of export', 0x0140, 'fffff63c', { active_power: -2500 }],
  ['-40 var', 0x0148, 'ffffffd8', { reactive_power: -40 }],
  ['1301 VA', 0x0150, '00000515', { apparent_power: 1301 }],
  ['power factor 0.949', 0x0158, '03b5', { power_factor: 0.949 }],
  ['power factor -0.5', 0x0158, 'fe0c', { power_factor: -0.5 }],
  ['655.36 kWh, where the low word alone wraps', 0xa000, '00010000', { active_energy: 655.36 }],
  ['the largest counter', 0xa000, '05f5e0ff', { active_energy: 999_999.99 }],
  [
    'tariffs 1 to 4',
    0xa002,
    '00000001000000640000ffff00010000',
    { active_energy_t1: 0.01, active_energy_t2: 1, active_energy_t3: 655.35, active_energy_t4: 655.36 },
  ],
  ['reactive total and tariff 4', 0xa01e, '00000bb8', { reactive_energy: 30 }],
] as const)('%s', ([, address, hex, expected]) => {
  const registers = Buffer.from(hex, 'hex');
  const fields = fieldsOf(...(Object.keys(expected) as Quantity[]));
  expect(decodeBlock(fields, registers, address)).toEqual(expected);
});

test('the register table of the WE-515 is that of the maker', () => {
  const table = WE_515.fields.map(({ quantity, address, words }) => `${address.toString(16)} ${words} ${quantity}`);
  expect(table).toEqual([
    '130 1 frequency',
    '131 1 voltage',
    '139 2 current',
    '140 2 active_power',
    '148 2 reactive_power',
    '150 2 apparent_power',
    '158 1 power_factor',
    'a000 2 active_energy',
    'a002 2 active_energy_t1',
    'a004 2 active_energy_t2',
    'a006 2 active_energy_t3',
    'a008 2 active_energy_t4',
    'a01e 2 reactive_energy',
    'a020 2 reactive_energy_t1',
    'a022 2 reactive_energy_t2',
    'a024 2 reactive_energy_t3',
    'a026 2 reactive_energy_t4',
  ]);
});

test('the WE-514 has no tariffs', () => {
  expect(WE_514.fields.map((field) => field.quantity).filter((quantity) => /_t\d/.test(quantity))).toEqual([]);
  expect(WE_514.fields).toHaveLength(9);
});

test('every value that a register can hold is decoded as it was encoded', () => {
  const anyField = fc.constantFrom(...WE_515.fields);
  fc.assert(
    fc.property(anyField, fc.double({ min: 0, max: 1, noNaN: true }), fc.nat(20), (field, share, before) => {
      const bits = field.words * 16;
      const least = field.type.startsWith('s') ? -(2 ** (bits - 1)) : 0;
      const raw = Math.round(least + share * (2 ** bits - 1));
      const value = raw / 10 ** field.decimals;
      const first = Math.max(0, field.address - before);
      const registers = Buffer.alloc((fieldEnd(field) - first) * 2);
      encodeField(field, value, registers, first);
      expect(decodeBlock([field], registers, first)[field.quantity]).toBe(value);
    }),
    { seed: 3, numRuns: 1000 },
  );
});

/** A float32 or integer of several registers in each order that makers use. */
const decoded = (type: RegisterType, wordOrder: Order, byteOrder: Order, hex: string) =>
  decodeRaw({ type, wordOrder, byteOrder }, Buffer.from(hex, 'hex'));

test.for([
  ['u16', 'ff38', 65_336],
  ['s16', 'ff38', -200],
  ['u32', 'fffff63c', 4_294_964_796],
  ['s32', 'fffff63c', -2500],
  ['u64', '00000001 00000002', 4_294_967_298],
  ['s64', 'ffffffff fffff63c', -2500],
  ['float32', '43663334', 230.20001220703125],
  ['float64', '406cc66666666666', 230.2],
] as const)('%s is decoded in all four orders', ([type, spaced, expected]) => {
  const hex = spaced.replaceAll(' ', '');
  const words = hex.match(/..../g) ?? [];
  const swapped = (word: string) => `${word.slice(2)}${word.slice(0, 2)}`;
  expect(decoded(type, 'high-first', 'high-first', hex)).toBe(expected);
  expect(decoded(type, 'low-first', 'high-first', words.toReversed().join(''))).toBe(expected);
  expect(decoded(type, 'high-first', 'low-first', words.map(swapped).join(''))).toBe(expected);
  expect(decoded(type, 'low-first', 'low-first', words.toReversed().map(swapped).join(''))).toBe(expected);
});

const fieldOf = (model: MeterModel, quantity: Quantity): Field => {
  const field = model.fields.find((one) => one.quantity === quantity);
  if (!field) throw new Error(`${model.name} has no ${quantity}`);
  return field;
};

/** Whole replies of real meters: unit, function, byte count, registers, CRC. */
test.for([
  ['Eastron SDM120 protocol V2.4, its example', SDM120, 'voltage', '01040443663334 1b38', 230.2],
  ['SDM630, arendst/Tasmota issue 17671, phase 2', SDM630, 'voltage_l2', '01040443666999 e025', 230.41],
  ['SDM630, arendst/Tasmota issue 17671, phase 3', SDM630, 'voltage_l3', '0104044365f08c bbba', 229.94],
  ['SDM630, arendst/Tasmota issue 17671, phase 1', SDM630, 'current_l1', '0104043f5ee588 dcb4', 0.871],
  ['SDM630, arendst/Tasmota issue 17671, phase 2', SDM630, 'current_l2', '0104043d6f5485 3956', 0.058],
  ['WE-516, mbmd PR 129: phase 1 is not connected', WE_516, 'voltage_l1', '01030400000000 fa33', 0],
  ['WE-516, mbmd PR 129', WE_516, 'voltage_l3', '01030443710000 bfac', 241],
  ['WE-516, mbmd PR 129', WE_516, 'frequency', '01030442480000 6e5d', 50],
] as const)('%s', ([, model, quantity, spaced, expected]) => {
  const reply = Buffer.from(spaced.replaceAll(' ', ''), 'hex');
  expect(crcMatches(reply)).toBe(true);
  const field = fieldOf(model, quantity);
  expect(reply[1]).toBe(field.functionCode);
  expect(decodeField(field, reply.subarray(3, -2), field.address)).toBe(expected);
});

test('kW of a WE-516 are W, rounded to what a float is good for', () => {
  const field = fieldOf(WE_516, 'active_power_l2');
  const registers = Buffer.alloc(4);
  registers.writeFloatBE(-1.2345);
  expect(decodeField(field, registers, field.address)).toBe(-1234.5);
});

test('a scale that is no power of ten, and zero without a sign', () => {
  const field: Field = { ...fieldOf(WE_504, 'apparent_power'), scale: 0.05, decimals: 2 };
  expect(decodeField(field, Buffer.from('0003', 'hex'), field.address)).toBe(0.15);
  const float = fieldOf(SDM120, 'active_power');
  expect(Object.is(decodeField(float, Buffer.from('80000000', 'hex'), float.address), 0)).toBe(true);
});

test('what is no number is none', () => {
  const field = fieldOf(SDM120, 'voltage');
  expect(decodeField(field, Buffer.from('7fc00000', 'hex'), field.address)).toBeNaN();
  expect(decodeField(field, Buffer.from('7f800000', 'hex'), field.address)).toBe(Number.POSITIVE_INFINITY);
});

test('a value that a register cannot hold is the nearest that it can', () => {
  expect(decodeRaw(U16, encodeRaw(U16, 70_000))).toBe(65_535);
  expect(decodeRaw({ ...U16, type: 's16' }, encodeRaw({ ...U16, type: 's16' }, -40_000))).toBe(-32_768);
});

test('the step of a float grows with it, that of a whole number does not', () => {
  const float = fieldOf(SDM630, 'active_energy_import');
  expect(resolutionAt(float, 100)).toBe(0.001);
  expect(resolutionAt(float, 100_000)).toBe(2 ** -7);
  expect(resolutionAt(fieldOf(WE_515, 'active_energy'), 100_000)).toBe(0.01);
});
