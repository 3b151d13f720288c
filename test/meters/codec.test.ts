import fc from 'fast-check';
import { expect, test } from 'vitest';
import { decodeBlock, encodeField } from '../../agent/meters/codec.ts';
import { fieldEnd } from '../../agent/meters/model.ts';
import { WE_514, WE_515 } from '../../agent/meters/orno.ts';
import type { Quantity } from '../../agent/readings/quantity.ts';

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
