import { expect, test } from 'vitest';
import type { CollectorStatus, MeterStatus } from '../../agent/collector/status.ts';
import { statusSentence } from '../../agent/collector/status-sentence.ts';
import { newSinkStatus } from '../../agent/forwarding/sink-status.ts';
import { newLineStats } from '../../agent/modbus/line-stats.ts';

const NOW_MS = Date.UTC(2026, 10, 22, 12, 0, 5, 300);

const METER: MeterStatus = {
  name: 'house',
  model: 'we-515',
  line: '/dev/energy-meter',
  connected: true,
  problem: undefined,
  plan: [],
  good: 5,
  gaps: {},
  suspicious: 0,
  lastReading: { timeMs: NOW_MS - 300, values: { active_power: 1234.4 } },
  lastGap: undefined,
  lineStats: newLineStats(),
};

const status = (meter: Partial<MeterStatus>, more: Partial<CollectorStatus> = {}): CollectorStatus => ({
  pid: 1,
  startedMs: NOW_MS - 60_000,
  updatedMs: NOW_MS,
  clock: undefined,
  meters: [{ ...METER, ...meter }],
  ...more,
});

const sentence = (meter: Partial<MeterStatus>, more: Partial<CollectorStatus> = {}) =>
  statusSentence(status(meter, more), undefined, NOW_MS);

test('the last reading, and what was missed since the start; what lies before it is not missed', () => {
  expect(sentence({})).toBe('house 1234 W at 12:00:05 UTC');
  expect(sentence({ gaps: { timeout: 2, busy: 1, stopped: 500 } })).toBe('house 1234 W at 12:00:05 UTC, 3 missed');
});

test('a meter that is silent: since when, and why', () => {
  const lastGap = { timeMs: NOW_MS - 1000, cause: 'timeout' as const, message: 'no answer from unit 1' };
  const lastReading = { timeMs: NOW_MS - 65_300, values: { active_power: 1 } };
  expect(sentence({ lastGap, lastReading, gaps: { timeout: 64 } })).toBe(
    'house not read since 11:59:00 UTC: no answer from unit 1, 64 missed',
  );
  const problem = { message: 'the port /dev/energy-meter is not there', hint: undefined };
  expect(sentence({ lastGap, lastReading: undefined, problem })).toBe(
    'house not read yet: the port /dev/energy-meter is not there',
  );
});

test('a meter that is read each quarter of an hour is not silent between', () => {
  const lastReading = { timeMs: NOW_MS - 600_300, values: {} };
  expect(sentence({ lastReading })).toBe('house read at 11:50:05 UTC');
});

test('servers: up to date, behind, waiting', () => {
  const sink = newSinkStatus({ name: 'influxdb', target: 'http://localhost:8086' });
  const said = (more: object, updatedMs: number) =>
    statusSentence(status({}), { updatedMs, sinks: [{ ...sink, ...more }] }, NOW_MS).split('; ')[1];
  const say = (more: object) => said(more, NOW_MS - 900);
  expect(say({ lastTimeMs: NOW_MS - 9000 })).toBe('influxdb up to date');
  expect(say({ lastTimeMs: NOW_MS - 7_200_000, catchingUp: true })).toBe('influxdb 120 min behind');
  const problem = { kind: 'retry', message: 'it does not answer', hint: undefined, sinceMs: 0 };
  expect(say({ problem })).toBe('influxdb waits: it does not answer');
  // Who hangs goes on being up to date.
  expect(said({ lastTimeMs: NOW_MS - 9000 }, NOW_MS - 65_300)).toBe('influxdb is sent nothing since 11:59:00 UTC');
});

test('what is wrong besides: journal, clock, configuration', () => {
  const journal = { problem: { message: 'the disk is full', hint: undefined }, pending: 12 };
  expect(sentence({}, { journal } as Partial<CollectorStatus>)).toMatch(
    /; journal: the disk is full, 12 entries wait$/,
  );
  const clock = { message: 'nobody has set the clock' } as CollectorStatus['clock'];
  expect(sentence({}, { clock })).toMatch(/; readings are held until the time is known$/);
  expect(sentence({}, { reload: { timeMs: 0, problem: 'meters is missing' } })).toMatch(
    /the one before stays in force$/,
  );
});
