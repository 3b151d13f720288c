import { expect, test } from 'vitest';
import { layoutOf, pack } from '../../agent/journal/packing.ts';
import { seal, unseal } from '../../agent/journal/seal.ts';
import { DECIMALS, HOUSE, readingAt } from '../support/readings.ts';

test('a sealed reading comes back, and takes four bytes more', () => {
  const reading = readingAt(1_700_000_000_000);
  const { layout, data } = seal(reading, DECIMALS);
  expect(unseal(reading, layout, data)).toEqual(reading.values);
  expect(data.length - pack(layoutOf(reading.values, DECIMALS), reading.values).length).toBe(4);
});

test('each single bit that flips is noticed', () => {
  const reading = readingAt(1_700_000_000_000);
  const { layout, data } = seal(reading, DECIMALS);
  for (let bit = 0; bit < data.length * 8; bit++) {
    const flipped = Uint8Array.from(data, (byte, i) => (i === bit >> 3 ? byte ^ (1 << (bit & 7)) : byte));
    expect(() => unseal(reading, layout, flipped), `bit ${bit}`).toThrowError(RangeError);
  }
});

test.each([
  ['another time', { timeMs: 1_700_000_001_000, series: HOUSE }],
  ['a time of another epoch', { timeMs: 1_700_000_000_000 + 2 ** 40, series: HOUSE }],
  ['another meter', { timeMs: 1_700_000_000_000, series: { ...HOUSE, meter: 'garage' } }],
])('the bytes of a reading are not taken for those of %s', (_, place) => {
  const { layout, data } = seal(readingAt(1_700_000_000_000), DECIMALS);
  expect(() => unseal(place, layout, data)).toThrowError(/checksum/);
});

test('the fields of a layout that were damaged are noticed', () => {
  const reading = readingAt(1_700_000_000_000);
  const { layout, data } = seal(reading, DECIMALS);
  for (const [i, field] of layout.entries()) {
    if (field.name === '') continue;
    const renamed = layout.with(i, { ...field, name: `${field.name}s` });
    const scaled = layout.with(i, { ...field, decimals: (field.decimals ?? 0) + 1 });
    for (const damaged of [renamed, scaled]) expect(() => unseal(reading, damaged, data)).toThrowError(RangeError);
  }
});

test('a reading of a journal of before, without a checksum, is read; one that is cut is not', () => {
  const reading = readingAt(1_700_000_000_000);
  const layout = layoutOf(reading.values, DECIMALS);
  const packed = pack(layout, reading.values);
  expect(unseal(reading, layout, packed)).toEqual(reading.values);
  expect(() => unseal(reading, layout, packed.subarray(0, -1))).toThrowError(RangeError);
});
