import fc from 'fast-check';
import { expect, test } from 'vitest';
import { fits, type LayoutField, pack, unpack } from '../../agent/journal/packing.ts';

test('a reading is packed as the documented bytes', () => {
  const layout: LayoutField[] = [
    { name: 'voltage', decimals: 2 },
    { name: 'missing', decimals: 2 },
    { name: 'active_power', decimals: 0 },
    { name: 'odd', decimals: null },
  ];
  // bitmap 0b1101; 23010 zigzag 46020 = c4 e7 02; -1 zigzag 1; float64 0.1
  const packed = pack(layout, { voltage: 230.1, active_power: -1, odd: 0.1 });
  expect(Buffer.from(packed).toString('hex')).toBe('0dc4e702019a9999999999b93f');
});

test('what is packed comes back equal, whatever is missing', () => {
  const field = fc.record({
    decimals: fc.constantFrom(0, 1, 2, 3, 4),
    raw: fc.integer({ min: -(2 ** 31), max: 2 ** 32 }),
    present: fc.boolean(),
  });
  fc.assert(
    fc.property(fc.array(field, { minLength: 1, maxLength: 25 }), (fields) => {
      const layout = fields.map(({ decimals }, i): LayoutField => ({ name: `q${i}`, decimals }));
      const values = Object.fromEntries(
        fields.flatMap(({ raw, decimals, present }, i) => (present ? [[`q${i}`, raw / 10 ** decimals]] : [])),
      );
      expect(unpack(layout, pack(layout, values))).toEqual(values);
    }),
    { seed: 1, numRuns: 500 },
  );
});

test('any finite number comes back equal as a float64', () => {
  fc.assert(
    fc.property(fc.double({ noNaN: true }), (value) => {
      const layout = [{ name: 'q', decimals: null }];
      expect(unpack(layout, pack(layout, { q: value }))).toEqual({ q: value });
    }),
    { seed: 2 },
  );
});

test('a value finer than its decimals does not fit, and is not rounded away', () => {
  expect(fits(230.1, 2)).toBe(true);
  expect(fits(230.123, 2)).toBe(false);
  expect(fits(1e16, 2)).toBe(false);
});
