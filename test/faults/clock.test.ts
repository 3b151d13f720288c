import { expect, test, vi } from 'vitest';
import { finished } from '../support/child.ts';
import { allReadings, ClockCollector, startOf } from '../support/clock-collector.ts';
import { journalPoints } from '../support/forwarding.ts';
import { heldOf } from '../support/held.ts';
import { requireProgram } from '../support/requires.ts';
import { VictoriaMetrics } from '../support/victoria-metrics.ts';

const HOUR = 3_600_000;
/** VictoriaMetrics leaves out what is two days ahead. */
const AHEAD_MS = 20 * HOUR;
/** Two looks at the clocks differ by less. */
const NOISE_MS = 25;

const until = (holds: () => boolean | Promise<boolean>) => vi.waitUntil(holds, { timeout: 20_000, interval: 100 });

/** Each reading that the collector said it has is there once, with its true time. */
function expectAllRight({ stateDir, seen }: ClockCollector): void {
  const readings = allReadings(stateDir);
  expect(new Set(readings.map(({ timeMs }) => timeMs)).size).toBe(readings.length);
  // One more may have been stored when the end came before its line.
  expect(readings.length).toBeGreaterThanOrEqual(seen.length);
  const starts = readings.map(startOf);
  const missing = seen.filter(({ trueMs }) => !starts.some((startMs) => Math.abs(startMs - trueMs) < NOISE_MS));
  expect(missing).toEqual([]);
}

test('a collector that is killed while it holds readings goes on holding them, and none is lost or doubled', async () => {
  const collector = new ClockCollector('1h');
  collector.set({ shiftMs: -Date.now() });
  for (let kill = 0; kill < 3; kill++) {
    collector.start();
    await collector.readings(6);
    const status = kill === 0 ? await finished(['status', '--state-dir', collector.stateDir]) : undefined;
    if (status)
      expect(status.out).toMatch(/^clock +the clock shows 1970-01-01T.*readings are held until the time is known$/m);
    await collector.end('SIGKILL');
    expect(allReadings(collector.stateDir)).toEqual([]);
  }
  collector.start();
  await collector.readings(3);
  collector.set({ shiftMs: 0, synchronized: true });
  await collector.readings(8);
  await collector.end('SIGTERM');
  expect(heldOf(collector.stateDir)).toEqual([]);
  expect(collector.seen.filter(({ held }) => held).length).toBeGreaterThanOrEqual(21);
  expectAllRight(collector);
}, 60_000);

test('what a power cut left held is stored with the times of its clock where these can be right', async () => {
  const collector = new ClockCollector('1h');
  collector.set({ shiftMs: -2 * HOUR });
  collector.start();
  await collector.readings(16);
  await collector.cutPower();
  const held = heldOf(collector.stateDir);
  // The flush interval is a second.
  expect(collector.seen.length - (held[0]?.readings ?? 0)).toBeLessThanOrEqual(10);
  collector.set({ shiftMs: 0, synchronized: true });
  collector.start();
  await collector.readings(2);
  expect(collector.child.errors()).toContain('an earlier start, whose clock nothing ever confirmed');
  await collector.end('SIGTERM');
  expect(heldOf(collector.stateDir)).toEqual([]);
  const early = allReadings(collector.stateDir).filter(({ timeMs }) => timeMs < Date.now() - HOUR);
  expect(early.map(({ timeMs }) => timeMs).at(0)).toBe(held[0]?.fromMs);
  expect(early).toHaveLength(held[0]?.readings ?? -1);
}, 60_000);

test('what a power cut left held in 1970 waits for a person, who places or drops it', async () => {
  const collector = new ClockCollector('1h');
  const { stateDir } = collector;
  for (let cut = 0; cut < 2; cut++) {
    collector.set({ shiftMs: -Date.now() });
    collector.start();
    await collector.readings(8);
    await collector.cutPower();
  }
  collector.set({ shiftMs: 0, synchronized: true });
  collector.start();
  await collector.readings(2);
  const [first, second] = heldOf(stateDir);
  expect(first?.fromMs).toBeLessThan(60_000);
  const list = await finished(['journal', 'held', 'list', '--state-dir', stateDir]);
  const [place, drop] = list.out.split('\n').map((line) => line.split(' ')[0] ?? '');
  expect(list.out).toContain(`${first?.readings} readings of house`);
  const status = await finished(['status', '--state-dir', stateDir]);
  expect(status.out).toContain(`held        ${(first?.readings ?? 0) + (second?.readings ?? 0)} readings`);
  expect(status.out).toMatch(
    /^ {2}problem {3}\d+ readings wait without a time of their own\n {12}-> .*journal held list --state-dir/m,
  );
  const at = '2026-11-05T12:00:00Z';
  const placed = await finished(['journal', 'held', 'place', place ?? '', '--at', at, '--state-dir', stateDir]);
  expect(placed).toEqual({ code: 0, out: `${first?.readings} readings stored\n`, err: '' });
  const dropped = await finished(['journal', 'held', 'drop', drop ?? '', '--state-dir', stateDir]);
  expect(dropped.out).toBe(`${second?.readings} readings dropped\n`);
  const unknown = await finished(['journal', 'held', 'drop', drop ?? '', '--state-dir', stateDir]);
  expect(unknown.err).toContain(`nothing that is held is called ${drop}`);
  await collector.end('SIGTERM');
  expect(heldOf(stateDir)).toEqual([]);
  const early = allReadings(stateDir).filter(({ timeMs }) => timeMs < Date.parse('2026-11-06'));
  expect(early[0]?.timeMs).toBe(Date.parse(at));
  expect(early).toHaveLength(first?.readings ?? -1);
}, 60_000);

test('a server gets what was held once, with its true times', async (context) => {
  requireProgram(context, 'victoria-metrics');
  const server = await VictoriaMetrics.start();
  const collector = new ClockCollector('1h', { influxdb: { url: server.url, batchInterval: '1s' } });
  collector.set({ shiftMs: -2 * HOUR });
  collector.start();
  await collector.readings(15);
  collector.set({ shiftMs: 0, synchronized: true });
  await collector.readings(25);
  await until(async () => (await server.points()).size > 0);
  await collector.end('SIGTERM');
  collector.start();
  const expected = () => journalPoints(collector.stateDir);
  await until(async () => {
    const points = await server.points();
    return [...expected().keys()].slice(0, -500).every((key) => points.has(key));
  });
  await collector.end('SIGTERM');
  expectAllRight(collector);
  const points = await server.points();
  const all = expected();
  expect([...points].filter(([key, value]) => all.get(key) !== value)).toEqual([]);
}, 60_000);

test('a clock that was believed too soon is made good for: journal and server have all at its true times', async (context) => {
  requireProgram(context, 'victoria-metrics');
  const server = await VictoriaMetrics.start();
  const collector = new ClockCollector('1s', { influxdb: { url: server.url, batchInterval: '1s' } });
  collector.set({ shiftMs: AHEAD_MS });
  collector.start();
  await collector.readings(20);
  await until(async () => (await server.points()).size > 0);
  collector.set({ shiftMs: 0, synchronized: true });
  await collector.readings(30);
  await until(() => collector.child.errors().includes('moves to its true times'));
  await until(async () => {
    const points = await server.points();
    return [...journalPoints(collector.stateDir).keys()].slice(0, 300).every((key) => points.has(key));
  });
  await collector.end('SIGTERM');
  expectAllRight(collector);
  const points = await server.points();
  const expected = [...journalPoints(collector.stateDir)].slice(0, 300);
  expect(expected.filter(([key, value]) => points.get(key) !== value)).toEqual([]);
}, 60_000);
