import { describe, expect, test } from 'vitest';
import { BEGINNING } from '../../agent/journal/cursors.ts';
import { openForWriting } from '../../agent/journal/database.ts';
import { type Delivery, Feed } from '../../agent/journal/feed.ts';
import type { Reading } from '../../agent/readings/reading.ts';
import { DAY_MS, NOON_MS } from '../support/clocks.ts';
import { heldOf } from '../support/held.ts';
import { Machine, worstError } from '../support/machine.ts';
import { readAll } from '../support/open-journal.ts';
import { temporaryDirectory } from '../support/temporary.ts';

const SECOND = 1000;
const MINUTE = 60_000;
const HOUR = 3_600_000;

/** Seconds of readings, and of what is told as missing. */
const seconds = (readings: readonly Reading[]) => readings.map(({ timeMs }) => timeMs / SECOND);
const run = (from: number, count: number) => Array.from({ length: count }, (_, i) => from / SECOND + i);

/** What a machine has stored is right: each second once, in order, each reading within its second, and nothing held. */
function expectRight(stateDir: string, machine: Machine, readings = readAll(stateDir).readings): void {
  expect(worstError(readings)).toBeLessThan(2);
  expect(new Set(readings.map(({ series, timeMs }) => `${series.meter} ${timeMs}`)).size).toBe(readings.length);
  expect(heldOf(stateDir)).toEqual([]);
  expect(
    machine.outcomes.filter(
      (outcome) => !('reading' in outcome) && outcome.cause !== 'stopped' && outcome.cause !== 'clock',
    ),
  ).toEqual([]);
}

describe('a machine without a clock of its own', () => {
  test.each([
    ['1970', 0, 0],
    ['two hours before its shutdown', NOON_MS - 2 * HOUR, 0],
    ['a moment ago, with a fraction of a second', NOON_MS - 12_345.6, 0],
    ['the future', NOON_MS + 3 * DAY_MS + 333, 0],
    ['the right time, as it turns out', NOON_MS, 120],
  ])('that wakes up in %s stores what it read before a time server answered with its true time', async (_, wallMs, errorMs) => {
    const stateDir = temporaryDirectory();
    const machine = new Machine(wallMs);
    machine.start(stateDir);
    await machine.run(90.3 * SECOND);
    expect(readAll(stateDir).readings).toEqual([]);
    expect(heldOf(stateDir).map(({ readings }) => readings)).toEqual([machine.outcomes.length]);
    machine.synchronize(errorMs);
    await machine.run(30 * SECOND);
    await machine.stop();
    const { readings, gaps } = readAll(stateDir);
    expect(worstError(readings)).toBeLessThan(2 + errorMs);
    expect(readings).toHaveLength(machine.outcomes.length);
    expect(seconds(readings)).toEqual(run(readings[0]?.timeMs ?? 0, readings.length));
    expect(gaps).toEqual([]);
    expect(heldOf(stateDir)).toEqual([]);
  });

  test('whose clock is synchronised before the first reading holds nothing', async () => {
    const stateDir = temporaryDirectory();
    const machine = new Machine(NOON_MS);
    machine.evidence.isSynchronized = true;
    machine.start(stateDir);
    await machine.run(10 * SECOND);
    expect(readAll(stateDir).readings.length).toBeGreaterThan(8);
    await machine.stop();
    expectRight(stateDir, machine);
    expect(machine.outcomes.some(({ held }) => held)).toBe(false);
  });

  test('that never finds a time server is believed after a while, with a warning', async () => {
    const stateDir = temporaryDirectory();
    const machine = new Machine(NOON_MS);
    machine.start(stateDir);
    await machine.run(9 * MINUTE);
    expect(readAll(stateDir).readings).toEqual([]);
    await machine.run(2 * MINUTE);
    await machine.stop();
    expectRight(stateDir, machine);
    expect(seconds(readAll(stateDir).readings)).toEqual(run(NOON_MS, machine.outcomes.length));
    expect(machine.lines.filter(({ level }) => level === 40).map(({ msg }) => msg)).toEqual([
      expect.stringContaining('readings are held'),
      expect.stringContaining('it is taken as it is now'),
    ]);
  });

  test('is never believed while it shows a time before this version, however long that takes', async () => {
    const stateDir = temporaryDirectory();
    const machine = new Machine(0);
    machine.start(stateDir);
    await machine.run(15 * MINUTE);
    expect(readAll(stateDir).readings).toEqual([]);
    machine.synchronize();
    await machine.run(10 * SECOND);
    await machine.stop();
    expectRight(stateDir, machine);
    expect(readAll(stateDir).readings).toHaveLength(machine.outcomes.length);
  });

  test('holds for longer than the spool has room for', async () => {
    const stateDir = temporaryDirectory();
    const machine = new Machine(0);
    machine.start(stateDir);
    for (let flush = 0; flush < 100; flush++) {
      await machine.run(10 * SECOND);
      machine.journal.flush();
    }
    expect(heldOf(stateDir).map(({ readings }) => readings)).toEqual([machine.outcomes.length]);
    machine.synchronize();
    await machine.run(5 * SECOND);
    await machine.stop();
    expectRight(stateDir, machine);
    expect(readAll(stateDir).durable).toHaveLength(machine.outcomes.length);
  });
});

test('a machine with a real-time clock, or one that has been up for long, is believed at once', async () => {
  for (const prepare of [
    async (machine: Machine) => {
      machine.evidence.hasRtc = true;
    },
    (machine: Machine) => machine.run(HOUR),
  ]) {
    const stateDir = temporaryDirectory();
    const machine = new Machine(NOON_MS);
    await prepare(machine);
    machine.start(stateDir);
    await machine.run(5 * SECOND);
    await machine.stop();
    expectRight(stateDir, machine);
    expect(machine.outcomes.some(({ held }) => held)).toBe(false);
  }
});

test('two meters with intervals of their own keep them, and none of their readings is lost', async () => {
  const stateDir = temporaryDirectory();
  const machine = new Machine(1234.5);
  machine.start(stateDir, { fast: 100, house: 1000, slow: 10_000 });
  await machine.run(65 * SECOND);
  machine.synchronize();
  await machine.run(60 * SECOND);
  await machine.stop();
  expectRight(stateDir, machine);
  const { readings, gaps } = readAll(stateDir);
  expect(readings).toHaveLength(machine.outcomes.length);
  expect(gaps).toEqual([]);
  const of = (meter: string) => readings.filter(({ series }) => series.meter === meter).map(({ timeMs }) => timeMs);
  const steps = (times: number[]) => [...new Set(times.slice(1).map((time, i) => time - (times[i] ?? 0)))];
  expect(steps(of('fast'))).toEqual([100]);
  expect(steps(of('house'))).toEqual([1000]);
  // On its multiples again once the clock is known.
  expect(of('slow').filter((time) => time > NOON_MS + 80 * SECOND && time % 10_000 !== 0)).toEqual([]);
  expect(of('slow').length).toBeGreaterThanOrEqual(12);
});

test('a sample that is under way when the clock is set keeps the time of its beginning', async () => {
  const stateDir = temporaryDirectory();
  const machine = new Machine(0);
  machine.start(stateDir);
  await machine.run(20 * SECOND);
  machine.after(10.1 * SECOND, () => machine.synchronize());
  await machine.run(40 * SECOND);
  await machine.stop();
  expectRight(stateDir, machine);
  const { readings } = readAll(stateDir);
  expect(seconds(readings)).toEqual(run(readings[0]?.timeMs ?? 0, machine.outcomes.length));
});

describe('a clock that was right', () => {
  test('and is set two days forward and back is held in between: nothing has a wrong time', async () => {
    const stateDir = temporaryDirectory();
    const machine = new Machine(NOON_MS);
    machine.evidence.isSynchronized = true;
    machine.start(stateDir);
    await machine.run(60 * SECOND);
    machine.evidence.isSynchronized = false;
    machine.stepWall(2 * DAY_MS);
    await machine.run(5 * MINUTE);
    machine.stepWall(-2 * DAY_MS);
    await machine.run(60 * SECOND);
    await machine.stop();
    expectRight(stateDir, machine);
    const { readings, gaps } = readAll(stateDir);
    expect(seconds(readings)).toEqual(run(NOON_MS, machine.outcomes.filter((outcome) => 'reading' in outcome).length));
    expect(gaps).toEqual([]);
  });

  test.each([
    ['forward', 2 * DAY_MS],
    ['back', -2 * DAY_MS],
    ['by two minutes', 2 * MINUTE + 345],
    ['back by two minutes', -2 * MINUTE - 345],
  ])('as it seemed, and is set %s by a time server later: what was stored moves to its true times', async (_, byMs) => {
    const stateDir = temporaryDirectory();
    const machine = new Machine(NOON_MS - byMs);
    machine.evidence.hasRtc = true;
    machine.start(stateDir, { house: 1000, barn: 10_000 });
    await machine.run(20 * MINUTE);
    expect(readAll(stateDir).readings).toHaveLength(machine.outcomes.length);
    const consumer = machine.journal.cursors;
    const feed = new Feed(stateDir);
    const taken: Delivery[] = [];
    const take = () => {
      const cursor = consumer.find('sink') ?? { ...BEGINNING, generation: 0 };
      const { deliveries, position } = feed.after(cursor, 100_000);
      taken.push(...deliveries);
      consumer.advance('sink', { ...position, generation: cursor.generation });
    };
    machine.journal.flush();
    take();
    const before = taken.length;
    machine.synchronize();
    for (let flush = 0; flush < 20; flush++) {
      await machine.run(10 * SECOND);
      machine.journal.flush();
      take();
    }
    await machine.stop();
    feed.close();
    expectRight(stateDir, machine);
    const { readings, gaps } = readAll(stateDir);
    expect(readings).toHaveLength(machine.outcomes.length);
    expect(gaps).toEqual([]);
    // A consumer gets all of it once more, in one order or another.
    const latest = new Map(taken.slice(before).map(({ key, reading }) => [key, reading]));
    const keys = (list: readonly Reading[]) => new Set(list.map(({ series, timeMs }) => `${series.meter} ${timeMs}`));
    const missing = [...keys(readings)].filter((key) => !keys([...latest.values()]).has(key));
    // What came since the last look.
    expect(missing.length).toBeLessThanOrEqual(12);
  });

  test.each(
    [2 * DAY_MS, -2 * DAY_MS, 2 * MINUTE + 345, -2 * MINUTE - 345].flatMap((byMs) =>
      [50, 150, 250, 500, 900].map((atMs) => [byMs, atMs] as const),
    ),
  )('as it seemed, and is set by %i ms within a second (at %i ms), also while a sample is under way', async (byMs, atMs) => {
    const stateDir = temporaryDirectory();
    const machine = new Machine(NOON_MS - byMs);
    machine.evidence.hasRtc = true;
    machine.start(stateDir, { house: 1000, barn: 10_000 });
    // Both meters have a point there.
    await machine.run(5 * MINUTE - (machine.wallMs() % (10 * SECOND)) + atMs);
    machine.synchronize();
    machine.watch.look();
    for (let flush = 0; flush < 8; flush++) {
      await machine.run(10 * SECOND);
      machine.journal.flush();
    }
    await machine.stop();
    expectRight(stateDir, machine);
    const { readings, gaps } = readAll(stateDir);
    expect(readings).toHaveLength(machine.outcomes.length);
    expect(gaps).toEqual([]);
  });

  test.each([
    ['forward', 2 * DAY_MS],
    ['back', -2 * DAY_MS],
  ])('as it seemed, and is set %s: what a power cut left at wrong times moves after the next start', async (_, byMs) => {
    const stateDir = temporaryDirectory();
    const machine = new Machine(NOON_MS - byMs);
    machine.evidence.hasRtc = true;
    machine.start(stateDir);
    await machine.run(90 * MINUTE + 500);
    machine.synchronize();
    machine.watch.look();
    await machine.stop();
    expect(worstError(readAll(stateDir).readings)).toBe(2 * DAY_MS);
    machine.reboot(MINUTE, machine.trueMs + MINUTE);
    machine.evidence.isSynchronized = true;
    machine.start(stateDir);
    for (let flush = 0; flush < 8; flush++) {
      await machine.run(SECOND);
      machine.journal.flush();
    }
    await machine.stop();
    expectRight(stateDir, machine);
    const taken = machine.outcomes.filter((outcome) => 'reading' in outcome);
    expect(readAll(stateDir).readings).toHaveLength(taken.length);
  });

  test('as it seemed, and is set: what was taken back and not placed before a power cut is placed after the next start', async () => {
    const stateDir = temporaryDirectory();
    const machine = new Machine(NOON_MS - DAY_MS);
    machine.evidence.hasRtc = true;
    machine.start(stateDir);
    await machine.run(5 * MINUTE + 500);
    machine.journal.flush();
    const db = openForWriting(stateDir);
    db.exec(
      "CREATE TRIGGER full BEFORE INSERT ON reading WHEN NEW.key > 0 BEGIN SELECT RAISE(ABORT, 'the disk is full'); END",
    );
    machine.synchronize();
    machine.watch.look();
    await machine.stop();
    expect(heldOf(stateDir)).toMatchObject([{ boot: 'boot-1' }]);
    db.exec('DROP TRIGGER full');
    db.close();
    machine.reboot(MINUTE, machine.trueMs + MINUTE);
    machine.evidence.isSynchronized = true;
    machine.start(stateDir);
    await machine.run(10 * SECOND);
    await machine.stop();
    expectRight(stateDir, machine);
    const taken = machine.outcomes.filter((outcome) => 'reading' in outcome);
    expect(readAll(stateDir).readings).toHaveLength(taken.length);
  });

  test.each([
    0.4, -0.4, 0.6, -0.6, 1.5, -1.5, 30,
  ])('and is set by %f s holds nothing, doubles nothing', async (step) => {
    const stateDir = temporaryDirectory();
    const machine = new Machine(NOON_MS);
    machine.evidence.isSynchronized = true;
    machine.start(stateDir);
    await machine.run(10.3 * SECOND);
    machine.stepWall(step * SECOND);
    await machine.run(60 * SECOND);
    await machine.stop();
    const { readings, gaps } = readAll(stateDir);
    expect(heldOf(stateDir)).toEqual([]);
    expect(readings).toHaveLength(machine.outcomes.filter((outcome) => 'reading' in outcome).length);
    const told = gaps.flatMap(({ fromMs, toMs }) => run(fromMs, (toMs - fromMs) / SECOND + 1));
    const all = [...seconds(readings), ...told].sort((a, b) => a - b);
    expect(all).toEqual(run(NOON_MS, all.length));
    expect(machine.outcomes.some(({ held }) => held)).toBe(false);
  });

  test('and is set back by half a minute sets aside what it reads in the seconds that it has', async () => {
    const stateDir = temporaryDirectory();
    const machine = new Machine(NOON_MS);
    machine.evidence.isSynchronized = true;
    machine.start(stateDir);
    await machine.run(60.3 * SECOND);
    machine.stepWall(-30 * SECOND);
    await machine.run(60 * SECOND);
    await machine.stop();
    const { readings } = readAll(stateDir);
    expect(seconds(readings)).toEqual(run(NOON_MS, readings.length));
    const first = readings.slice(0, 61);
    expect(worstError(first)).toBeLessThan(2);
    const [aside, ...others] = heldOf(stateDir);
    expect(others).toEqual([]);
    expect(readings.length + (aside?.readings ?? 0)).toBe(machine.outcomes.length);
    expect(aside?.readings).toBeGreaterThanOrEqual(29);
  });
});

test('the guards go by time that has passed, and not by the wall clock: a step makes no jump plausible, and no reading suspicious', async () => {
  const stateDir = temporaryDirectory();
  const machine = new Machine(0);
  machine.start(stateDir);
  await machine.run(10 * SECOND);
  machine.synchronize();
  // Half a MWh, which half a century would allow.
  machine.spike(10 * SECOND, 500);
  await machine.run(30 * SECOND);
  await machine.stop();
  const gaps = machine.outcomes.filter((outcome) => !('reading' in outcome));
  expect(gaps).toMatchObject([{ cause: 'implausible', held: false }]);
  expect(worstError(readAll(stateDir).readings)).toBeLessThan(2);
});
