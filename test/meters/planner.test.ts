import fc from 'fast-check';
import { expect, test } from 'vitest';
import { type Field, fieldEnd, MAX_REGISTERS } from '../../agent/meters/model.ts';
import { WE_514, WE_515 } from '../../agent/meters/orno.ts';
import { type Block, blockOf, halve, planReads, type Range } from '../../agent/meters/planner.ts';
import { readTimeMs } from '../../agent/sources/modbus-meter.ts';

const cost = (count: number) => readTimeMs({ baudRate: 9600, parity: 'even', dataBits: 8, stopBits: 1 }, count) + 20;
const shape = (blocks: readonly Block[]) => blocks.map(({ address, count }) => `${address.toString(16)}+${count}`);
const total = (blocks: readonly Block[]) => blocks.reduce((sum, block) => sum + cost(block.count), 0);

test('a WE-515 is read in three blocks; the two of equal length are kept apart', () => {
  expect(shape(planReads(WE_515.fields, { cost }).blocks)).toEqual(['a000+10', '130+41', 'a01e+10']);
});

test('a WE-514 is read in three blocks as well', () => {
  expect(shape(planReads(WE_514.fields, { cost }).blocks).sort()).toEqual(['130+41', 'a000+2', 'a01e+2']);
});

test('an avoided length is replaced by others', () => {
  const { blocks, postponed } = planReads(WE_515.fields, { cost, avoid: ({ count }) => [41, 10].includes(count) });
  expect(blocks.map((block) => block.count)).not.toContain(41);
  expect(blocks.map((block) => block.count)).not.toContain(10);
  expect(postponed).toEqual([]);
});

test('fields for which every length is avoided are postponed, the others are read', () => {
  const { blocks, postponed } = planReads(WE_514.fields, {
    cost,
    avoid: ({ count }) => count === 2,
    allowed: ({ address }) => address < 0xa000,
  });
  expect(postponed.map((field) => field.quantity)).toEqual(['active_energy', 'reactive_energy']);
  expect(shape(blocks)).toEqual(['130+41']);
});

test('a block is halved where unassigned registers are, else at its widest hole', () => {
  const block = blockOf(WE_515.fields.slice(2, 7));
  expect(halve(block, WE_515.unassigned)?.map((half) => shape([half])[0])).toEqual(['139+2', '140+25']);
  expect(halve(block)?.map((half) => shape([half])[0])).toEqual(['139+9', '148+17']);
});

test('a block of evenly spread fields is halved in the middle', () => {
  const block = blockOf(WE_515.fields.slice(7, 12));
  expect(halve(block)?.map((half) => shape([half])[0])).toEqual(['a000+4', 'a004+6']);
  expect(halve(blockOf(WE_515.fields.slice(0, 1)))).toBeUndefined();
});

const anyFields = fc
  .array(
    fc.record({
      gap: fc.nat(60),
      words: fc.constantFrom<1 | 2>(1, 2),
      functionCode: fc.constantFrom<3 | 4>(3, 3, 3, 4),
    }),
    { minLength: 1, maxLength: 20 },
  )
  .map((parts) => {
    let address = 0;
    return parts.map(({ gap, words, functionCode }): Field => {
      const field: Field = {
        quantity: 'voltage',
        functionCode,
        address: address + gap,
        words,
        type: words === 1 ? 'u16' : 'u32',
        wordOrder: 'high-first',
        byteOrder: 'high-first',
        scale: 1,
        decimals: 0,
        min: 0,
        max: 0,
      };
      address = fieldEnd(field);
      return field;
    });
  });

test('any plan reads each field once, whole, in blocks that are legal, allowed and not avoided', () => {
  const anyAvoid = fc.array(fc.integer({ min: 1, max: 60 }), { maxLength: 12 });
  fc.assert(
    fc.property(anyFields, anyAvoid, fc.nat(2000), (fields, avoided, wall) => {
      const avoid = ({ count }: Range) => avoided.includes(count);
      const allowed = ({ address, count }: Range) => !(address < wall && wall < address + count);
      const { blocks, postponed } = planReads(fields, { cost, avoid, allowed });
      const read = blocks.flatMap((block) => block.fields);
      expect([...read, ...postponed].sort((a, b) => a.address - b.address)).toEqual(fields);
      for (const block of blocks) {
        expect(block.count).toBeLessThanOrEqual(MAX_REGISTERS);
        expect(avoid(block)).toBe(false);
        if (block.fields.length > 1) expect(allowed(block)).toBe(true);
        for (const field of block.fields) {
          expect(field.functionCode).toBe(block.functionCode);
          expect(field.address).toBeGreaterThanOrEqual(block.address);
          expect(fieldEnd(field)).toBeLessThanOrEqual(block.address + block.count);
        }
      }
      for (const field of postponed) expect(avoided).toContain(field.words);
    }),
    { seed: 4, numRuns: 500 },
  );
});

test('no plan costs more than reading field by field, nor than any other cut into runs', () => {
  fc.assert(
    fc.property(anyFields, fc.array(fc.nat(18), { maxLength: 6 }), (fields, cuts) => {
      const planned = total(planReads(fields, { cost }).blocks);
      expect(planned).toBeLessThanOrEqual(total(fields.map((field) => blockOf([field]))) + 1e-9);
      const bounds = [
        ...new Set([0, ...cuts.map((cut) => cut + 1).filter((cut) => cut < fields.length), fields.length]),
      ].sort((a, b) => a - b);
      const runs = bounds.slice(1).map((end, i) => fields.slice(bounds[i], end));
      const other = runs
        .flatMap((run) => [3, 4].map((code) => run.filter(({ functionCode }) => functionCode === code)))
        .filter((run) => run.length > 0)
        .map(blockOf);
      if (other.every((block) => block.count <= MAX_REGISTERS))
        expect(planned).toBeLessThanOrEqual(total(other) + 1e-9);
    }),
    { seed: 5, numRuns: 500 },
  );
});

test('blocks of equal function and length are neighbours only where nothing else is left', () => {
  fc.assert(
    fc.property(anyFields, (fields) => {
      const shapes = planReads(fields, { cost }).blocks.map((block) => `${block.functionCode}/${block.count}`);
      const most = Math.max(...[...new Set(shapes)].map((one) => shapes.filter((other) => other === one).length));
      const neighbours = shapes.filter((one, i) => i > 0 && shapes[i - 1] === one).length;
      expect(neighbours).toBe(Math.max(0, 2 * most - shapes.length - 1));
    }),
    { seed: 6, numRuns: 500 },
  );
});

test('no block is longer than the meter gives, but for a field that is', () => {
  fc.assert(
    fc.property(anyFields, fc.integer({ min: 1, max: 30 }), (fields, maxBlock) => {
      for (const block of planReads(fields, { cost, maxBlock }).blocks) {
        expect(block.count <= maxBlock || block.fields.length === 1).toBe(true);
      }
    }),
    { seed: 7, numRuns: 300 },
  );
});
