import fc from 'fast-check';
import { expect, test } from 'vitest';
import { MODELS } from '../../agent/meters/catalogue.ts';
import type { Entry } from '../../agent/meters/service/bytes.ts';
import { serviceTables } from '../../agent/meters/service/catalogue.ts';
import { decodeClock, encodeClock } from '../../agent/meters/service/clock-codec.ts';
import { SERVICE_515, SERVICE_517, SERVICE_526 } from '../../agent/meters/service/orno.ts';
import { decodePart, encodePart } from '../../agent/meters/service/schedule.ts';
import { decodeSetting, encodeSetting } from '../../agent/meters/service/setting-codec.ts';
import { type ClockTable, partWords, type TariffPart } from '../../agent/meters/service/tables.ts';
import { stepsOf } from '../../agent/service/tariff-write.ts';

const clockOf = ({ clock }: { clock?: ClockTable }): ClockTable => {
  if (!clock) throw new Error('no clock');
  return clock;
};
const partOf = (key: string, tables = SERVICE_515): TariffPart => {
  const part = tables.tariffs?.find((one) => one.key === key);
  if (!part) throw new Error(key);
  return part;
};

const SATURDAY_MS = Date.UTC(2026, 9, 3, 10, 27, 33);

test.for([
  ['we-515', SERVICE_515, '1a0a030a1b21'],
  ['we-517', SERVICE_517, '3327100603102600'],
  ['we-526', SERVICE_526, '0026100306102733'],
] as const)('the clock of a %s', ([, tables, hex]) => {
  expect(encodeClock(clockOf(tables), SATURDAY_MS).toString('hex')).toBe(hex);
  expect(decodeClock(clockOf(tables), Buffer.from(hex, 'hex'))).toBe(SATURDAY_MS);
});

test.for([
  [SERVICE_515, 'ffffffffffff'],
  [SERVICE_515, '000000000000'],
  [SERVICE_515, '1a021d000000'],
  [SERVICE_515, '1a0a03180000'],
  [SERVICE_517, '3a27100603102600'],
] as const)('%o: %s is no time', ([tables, hex]) => {
  expect(decodeClock(clockOf(tables), Buffer.from(hex, 'hex'))).toBeUndefined();
});

test('29 February of a leap year is one', () => {
  expect(decodeClock(clockOf(SERVICE_515), Buffer.from('1c021d000000', 'hex'))).toBe(Date.UTC(2028, 1, 29));
});

test('the factory schedule of a WE-515, as its document has it', () => {
  const registers = Buffer.alloc(32);
  Buffer.from('0700000216000003', 'hex').copy(registers);
  expect(decodePart(partOf('workday'), registers).entries).toEqual([
    { hour: 7, minute: 0, tariff: 2 },
    { hour: 22, minute: 0, tariff: 3 },
  ]);
});

test.for([
  ['0101', undefined, ['1-1']],
  ['0c19', 'binary', ['12-25']],
  ['1225', 'bcd', ['12-25']],
  ['01050110', undefined, ['1-5', '1-16']],
  ['0c191225', undefined, undefined],
] as const)('dates of which nobody says how digits lie: %s', ([hex, digits, dates]) => {
  const registers = Buffer.alloc(200);
  Buffer.from(hex, 'hex').copy(registers);
  const held = decodePart(partOf('holidays'), registers);
  expect([held.digits, held.entries?.map(({ month, day }) => `${month}-${day}`)]).toEqual([digits, dates]);
});

test('a setting that shares its register leaves the other one alone', () => {
  const { line } = SERVICE_515;
  if (!line?.parity) throw new Error('no line');
  const before = Buffer.from('0304', 'hex');
  expect(encodeSetting(line.baudRate, 3, before).toString('hex')).toBe('0303');
  expect(encodeSetting(line.parity, 1, before).toString('hex')).toBe('0104');
  expect([decodeSetting(line.baudRate, before), decodeSetting(line.parity, before)]).toEqual([4, 3]);
});

test('no table of a model lies in another, and each fits into one request', () => {
  for (const { name } of MODELS) {
    const { clock, tariffs = [] } = serviceTables(name);
    const ranges = [
      ...tariffs.map((part) => [part.address, part.address + partWords(part)] as const),
      ...(clock ? [[clock.address, clock.address + clock.bytes.length / 2] as const] : []),
    ].sort((a, b) => a[0] - b[0]);
    for (const [i, [from, to]] of ranges.entries()) {
      expect(to - from).toBeLessThanOrEqual(123);
      expect(from, name).toBeGreaterThanOrEqual(ranges[i - 1]?.[1] ?? 0);
    }
  }
});

const points = fc
  .uniqueArray(
    fc.record({
      hour: fc.integer({ min: 0, max: 23 }),
      minute: fc.integer({ min: 0, max: 59 }),
      tariff: fc.integer({ min: 1, max: 4 }),
    }),
    {
      minLength: 1,
      maxLength: 8,
      selector: ({ hour, minute }) => hour * 60 + minute,
    },
  )
  .map((list) => list.sort((a, b) => a.hour * 60 + a.minute - (b.hour * 60 + b.minute)));

const textOf = (entries: readonly Entry[]) => entries.map(({ hour, minute, tariff }) => `${hour}:${minute}=${tariff}`);

test('entry by entry, the meter has the beginning of the old or of the new schedule at each step', () => {
  fc.assert(
    fc.property(points, points, (old, now) => {
      const part = partOf('workday');
      const [held, registers] = [encodePart(part, 'binary', old), encodePart(part, 'binary', now)];
      const before = decodePart(part, Buffer.from(held));
      for (const { index, bytes } of stepsOf({ before, entries: now, registers })) {
        bytes.copy(held, index * 4);
        const present = textOf(decodePart(part, held).entries ?? []);
        const isBeginning = (of: readonly Entry[]) => textOf(of).slice(0, present.length).join() === present.join();
        expect(present.length).toBeGreaterThan(0);
        expect(isBeginning(old) || isBeginning(now)).toBe(true);
      }
      expect(held.equals(registers)).toBe(true);
    }),
    { seed: 7, numRuns: 300 },
  );
});

test('of three-byte entries pieces are two entries, and the end is the same', () => {
  fc.assert(
    fc.property(points, points, (old, now) => {
      const part = partOf('day1', SERVICE_517);
      const [held, registers] = [encodePart(part, 'bcd', old), encodePart(part, 'bcd', now)];
      for (const { index, bytes } of stepsOf({ before: decodePart(part, Buffer.from(held)), entries: now, registers }))
        bytes.copy(held, index * 6);
      expect(held.equals(registers)).toBe(true);
    }),
    { seed: 8, numRuns: 200 },
  );
});
