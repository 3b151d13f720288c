import fc from 'fast-check';
import { expect, test } from 'vitest';
import { delimiterOf, endsInQuotes, numberOf, splitCsv } from '../../agent/import/csv.ts';

test.for([
  ['a,b,c', ['a', 'b', 'c']],
  ['', ['']],
  [',', ['', '']],
  ['"a,b",c', ['a,b', 'c']],
  ['"say ""hi""",""', ['say "hi"', '']],
  ['"two\nlines",x', ['two\nlines', 'x']],
  ['"a"b,c', undefined],
  ['a"b,c', undefined],
  ['"a,b', undefined],
] as const)('%j is split', ([record, cells]) => {
  expect(splitCsv(record, ',')).toEqual(cells);
});

test('cells of any text come back', () => {
  const quoted = (cell: string) => `"${cell.replaceAll('"', '""')}"`;
  fc.assert(
    fc.property(fc.array(fc.string(), { minLength: 1 }), fc.constantFrom(',', ';', '\t'), (cells, delimiter) => {
      const record = cells.map(quoted).join(delimiter);
      expect(splitCsv(record, delimiter)).toEqual(cells);
      expect(endsInQuotes(record)).toBe(false);
    }),
    { seed: 515 },
  );
});

test.for([
  ['time,a', ','],
  ['time;a;"b,c,d,e"', ';'],
  ['time\ta', '\t'],
  ['time', ','],
] as const)('%j is divided by %j', ([header, delimiter]) => {
  expect(delimiterOf(header)).toBe(delimiter);
});

test.for([
  ['230.1', ',', 230.1],
  ['230,1', ';', 230.1],
  [' -1.5e3 ', ',', -1500],
  ['230,1', ',', Number.NaN],
  ['1.234,5', ';', Number.NaN],
  ['1,234,5', ';', Number.NaN],
  ['', ',', Number.NaN],
  ['0x10', ',', Number.NaN],
  ['Infinity', ',', Number.NaN],
  ['12 W', ',', Number.NaN],
] as const)('%j in a file divided by %j is %d', ([cell, delimiter, value]) => {
  expect(numberOf(cell, delimiter)).toBe(value);
});
