import { join } from 'node:path';
import { expect, test } from 'vitest';
import { openForWriting } from '../../agent/journal/database.ts';
import type { Held } from '../../agent/journal/entry.ts';
import { corrected, HeldStore } from '../../agent/journal/held.ts';
import { dropHeld, listHeld, placeHeld } from '../../agent/journal/held-maintenance.ts';
import { deliver } from '../../agent/journal/inbox.ts';
import { applyRetention } from '../../agent/journal/retention.ts';
import { SPOOL_NAME, Spool } from '../../agent/journal/spool.ts';
import { offsetOf, systemClock } from '../../agent/system/clock.ts';
import { systemEvidence } from '../../agent/system/clock-state.ts';
import { NOON_MS } from '../support/clocks.ts';
import { heldOf } from '../support/held.ts';
import { open, readAll } from '../support/open-journal.ts';
import { DECIMALS, HOUSE, readingAt } from '../support/readings.ts';
import { temporaryDirectory } from '../support/temporary.ts';

const HELD: Held = { boot: 'this-boot', offsetMs: 0, gridMs: 1000 };
/** The clock that is found right: 12:00 instead of 1970-01-01T00:00. */
const CLOCK = { boot: 'this-boot', offsetMs: NOON_MS, confirmed: true };

test('what is held is seen by nobody, wherever it waits, and is all there when the clock is known', () => {
  const stateDir = temporaryDirectory();
  // The tail of a killed collector, its spool, the database.
  for (const [second, flush] of [
    [1, true],
    [2, true],
    [3, false],
  ] as const) {
    const journal = open(stateDir);
    journal.setClock(undefined);
    journal.append(readingAt(second * 1000), DECIMALS, HELD);
    journal.appendGap(
      { series: HOUSE, fromMs: (second + 10) * 1000, toMs: (second + 10) * 1000, cause: 'timeout' },
      HELD,
    );
    if (flush) journal.flush();
    expect(readAll(stateDir)).toEqual({ readings: [], gaps: [], durable: [] });
    expect(heldOf(stateDir)).toEqual([
      { boot: 'this-boot', offsetMs: 0, readings: second, fromMs: 1000, toMs: second * 1000, meters: ['house'] },
    ]);
    if (second === 2) expect(Spool.read(join(stateDir, SPOOL_NAME)).batches.flat()).toHaveLength(2);
    if (second < 3) journal.close();
    else {
      journal.setClock(CLOCK);
      journal.append(readingAt(NOON_MS + 4000), DECIMALS);
      journal.close();
    }
  }
  const { readings, gaps } = readAll(stateDir);
  expect(readings.map(({ timeMs }) => timeMs - NOON_MS)).toEqual([1000, 2000, 3000, 4000]);
  expect(readings.slice(0, 3).map(({ values }) => values)).toEqual(
    [1, 2, 3].map((second) => readingAt(second * 1000).values),
  );
  expect(gaps).toMatchObject([{ fromMs: NOON_MS + 11_000, toMs: NOON_MS + 13_000 }]);
  expect(heldOf(stateDir)).toEqual([]);
});

test('a gap alone is placed as well', () => {
  const stateDir = temporaryDirectory();
  const journal = open(stateDir);
  journal.appendGap({ series: HOUSE, fromMs: 1000, toMs: 9000, cause: 'disconnected' }, HELD);
  journal.setClock(CLOCK);
  journal.close();
  expect(readAll(stateDir).gaps).toMatchObject([{ fromMs: NOON_MS + 1000, toMs: NOON_MS + 9000 }]);
});

test.each([
  ['to the nearest second, of which the sample tells its beginning', 5000, 0.02, NOON_MS + 300, NOON_MS + 5000, 0.32],
  ['to the second that begins when it has begun', 5000, 0.02, NOON_MS + 700, NOON_MS + 6000, -0.28],
  ['not at all, when the clock was right', NOON_MS, 0.02, 3, NOON_MS, 0.02],
])('a held reading goes %s', (_, timeMs, start, offsetMs, newMs, newStart) => {
  const entry = {
    kind: 'reading',
    reading: { series: HOUSE, timeMs, values: { start_offset: start } },
    decimals: {},
  } as const;
  expect(corrected(entry, HELD, offsetMs)).toMatchObject({
    reading: { timeMs: newMs, values: { start_offset: newStart } },
  });
});

test('a gap of which the beginning is known ends where the clock says, or is none', () => {
  const gap = { kind: 'gap', gap: { series: HOUSE, fromMs: 7, toMs: 9000, cause: 'stopped' } } as const;
  const known = { ...HELD, fromMs: NOON_MS - 60_000 };
  expect(corrected(gap, known, NOON_MS)).toMatchObject({ gap: { fromMs: NOON_MS - 60_000, toMs: NOON_MS + 9000 } });
  expect(corrected(gap, known, NOON_MS - 3_600_000)).toBeUndefined();
});

test('a second reading of a second is set aside; the same reading, taken over once more, is not', () => {
  const stateDir = temporaryDirectory();
  const first = open(stateDir);
  first.append(readingAt(NOON_MS), DECIMALS);
  first.close();
  const second = open(stateDir);
  second.append(readingAt(NOON_MS), DECIMALS);
  second.append({ ...readingAt(NOON_MS), values: { voltage: 231 } }, DECIMALS);
  second.append({ ...readingAt(NOON_MS), values: { voltage: 231 } }, DECIMALS);
  second.append({ ...readingAt(NOON_MS), values: { voltage: 232 } }, DECIMALS);
  second.close();
  expect(readAll(stateDir).readings).toEqual([readingAt(NOON_MS)]);
  expect(heldOf(stateDir)).toMatchObject([{ boot: '', readings: 2 }]);
  const [group] = listHeld(stateDir);
  // Where one of them lies already it stays aside; nothing is lost by trying.
  expect(placeHeld(stateDir, group?.name ?? '', NOON_MS, 'x')).toEqual({ stored: 0, aside: 2 });
  expect(placeHeld(stateDir, group?.name ?? '', NOON_MS + 1000, 'x')).toEqual({ stored: 1, aside: 1 });
  expect(readAll(stateDir).readings[1]).toMatchObject({ timeMs: NOON_MS + 1000, values: { voltage: 231 } });
  expect(dropHeld(stateDir, group?.name ?? '', 'x')).toBe(1);
  expect(heldOf(stateDir)).toEqual([]);
});

test('a group that is placed only partly, because it was cut off, goes on with the same command', () => {
  const stateDir = temporaryDirectory();
  const journal = open(stateDir);
  for (let second = 1; second <= 4500; second++) journal.append(readingAt(second * 1000), DECIMALS, HELD);
  journal.close();
  const [group] = listHeld(stateDir);
  // One row cannot be taken from there: the chunk that it is in fails.
  const db = openForWriting(stateDir);
  db.exec(
    "CREATE TRIGGER stop BEFORE DELETE ON held WHEN OLD.seq = 2250 BEGIN SELECT RAISE(ABORT, 'the disk is full'); END",
  );
  expect(() => placeHeld(stateDir, group?.name ?? '', NOON_MS, 'x')).toThrow('the disk is full');
  const { length } = readAll(stateDir).readings;
  expect([length > 0, length < 4500]).toEqual([true, true]);
  db.exec('DROP TRIGGER stop');
  db.close();
  expect(placeHeld(stateDir, group?.name ?? '', NOON_MS, 'x')).toEqual({ stored: 4500 - length, aside: 0 });
  expect(readAll(stateDir).readings.map(({ timeMs }) => timeMs)).toEqual(
    Array.from({ length: 4500 }, (_, i) => NOON_MS + i * 1000),
  );
});

test('what the running collector holds itself is not placed or dropped by others', () => {
  const stateDir = temporaryDirectory();
  const journal = open(stateDir);
  journal.append(readingAt(1000), DECIMALS, HELD);
  journal.close();
  const again = open(stateDir);
  const [group] = listHeld(stateDir);
  expect(() => placeHeld(stateDir, group?.name ?? '', NOON_MS, 'this-boot')).toThrow('the running collector holds');
  expect(() => dropHeld(stateDir, group?.name ?? '', 'this-boot')).toThrow('the running collector holds');
  again.close();
  expect(dropHeld(stateDir, group?.name ?? '', 'this-boot')).toBe(1);
});

test('beyond a bound the oldest that is held goes', () => {
  const db = openForWriting(temporaryDirectory());
  const store = new HeldStore(db);
  for (let second = 0; second < 10; second++) {
    store.put({ kind: 'reading', reading: readingAt(second * 1000), decimals: {}, held: HELD });
  }
  expect(store.limit(4)).toBe(6);
  expect(store.take(HELD, 10, { after: 0, through: 100 }).map(({ seq }) => seq)).toEqual([7, 8, 9, 10]);
  db.close();
});

test('what waits for a person stays, however much was held and placed since', () => {
  const db = openForWriting(temporaryDirectory());
  const store = new HeldStore(db);
  const hold = (second: number, boot: string) =>
    store.put({ kind: 'reading', reading: readingAt(second * 1000), decimals: {}, held: { ...HELD, boot } });
  hold(0, 'of-old');
  for (let second = 1; second < 10; second++) hold(second, 'this-boot');
  const all = { after: 0, through: 100 };
  store.remove(store.take({ boot: 'this-boot', offsetMs: 0 }, 9, all));
  hold(10, 'this-boot');
  expect(store.limit(4)).toBe(0);
  expect(store.take({ boot: 'of-old', offsetMs: 0 }, 10, all)).toHaveLength(1);
  db.close();
});

test('a journal of an older version gets its table, and keeps what it has', () => {
  const stateDir = temporaryDirectory();
  const journal = open(stateDir);
  journal.append(readingAt(NOON_MS), DECIMALS);
  journal.close();
  const db = openForWriting(stateDir);
  db.exec('DROP TABLE held; PRAGMA user_version = 3');
  db.close();
  const newer = open(stateDir);
  newer.append(readingAt(1000), DECIMALS, HELD);
  newer.close();
  expect(readAll(stateDir).readings).toEqual([readingAt(NOON_MS)]);
  expect(heldOf(stateDir)).toMatchObject([{ readings: 1 }]);
});

test('what other processes post is held while the clock is in doubt, and gets its true time with the rest', () => {
  const stateDir = temporaryDirectory();
  const journal = open(stateDir);
  const { boot, bootMs } = systemEvidence();
  const clock = { boot, offsetMs: offsetOf(systemClock) - bootMs, confirmed: true };
  const post = (timeMs: number) =>
    deliver(stateDir, [{ kind: 'reading', reading: { ...readingAt(timeMs), series: HOST }, decimals: DECIMALS }]);
  const nowMs = Math.floor(Date.now() / 1000) * 1000;
  journal.setClock(undefined);
  post(nowMs);
  journal.flush();
  expect(readAll(stateDir).readings).toEqual([]);
  // It was an hour ahead.
  journal.setClock({ ...clock, offsetMs: clock.offsetMs - 3_600_000 });
  expect(readAll(stateDir).readings.map(({ timeMs }) => timeMs)).toEqual([nowMs - 3_600_000]);
  // Posted before the clock was set, taken after it.
  post(nowMs + 5000);
  journal.flush();
  journal.setClock(clock);
  post(nowMs + 7000);
  journal.close();
  expect(readAll(stateDir).readings.map(({ timeMs }) => timeMs - nowMs)).toEqual([-3_600_000, -3_595_000, 7000]);
  expect(heldOf(stateDir)).toEqual([]);
});

const HOST = { measurement: 'host', meter: 'pi', model: 'Raspberry Pi 4' };

test('a clock that is years ahead deletes nothing', () => {
  const stateDir = temporaryDirectory();
  const journal = open(stateDir);
  for (let day = 0; day < 10; day++) journal.append(readingAt(NOON_MS + day * 86_400_000), DECIMALS);
  journal.close();
  const db = openForWriting(stateDir);
  const years = 20 * 31_536_000_000;
  expect(applyRetention(db, { maxAgeMs: 30 * 86_400_000 }, NOON_MS + years).deleted).toBe(0);
  expect(applyRetention(db, { maxAgeMs: 3.5 * 86_400_000 }, NOON_MS + years).deleted).toBe(6);
  db.close();
});
