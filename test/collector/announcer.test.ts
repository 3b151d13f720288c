import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { Announcer, type Progress } from '../../agent/collector/announcer.ts';
import type { ServiceManager, ServiceState } from '../../agent/system/service-manager.ts';
import { recordingLog } from '../support/silent-log.ts';

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

function announcing(watchdogMs: number | undefined, progress: () => Progress[]) {
  const told: ServiceState[] = [];
  const manager = { watchdogMs, tell: (state: ServiceState) => void told.push(state), told: async () => {} };
  const { log, lines } = recordingLog();
  const options = { progress, sentence: () => 'all is well', log };
  const announcer = new Announcer({ ...options, manager: manager as unknown as ServiceManager });
  return { announcer, told, lines };
}

const loop = (sinceMs: number): Progress => ({ meter: 'house', sinceMs, allowedMs: 33_000 });

test('the watchdog is fed at once and three times within its time, as long as each loop goes on', () => {
  const loops = [loop(0), { ...loop(0), meter: 'barn' }];
  const { announcer, told, lines } = announcing(60_000, () => loops);
  announcer.ready();
  expect(told).toEqual([{ READY: '1', STATUS: 'all is well' }]);
  vi.advanceTimersByTime(60_000);
  expect(told.slice(1)).toEqual(Array(4).fill({ WATCHDOG: '1', STATUS: 'all is well' }));
  loops[1] = { ...loop(33_001), meter: 'barn' };
  vi.advanceTimersByTime(40_000);
  expect(told.slice(5)).toEqual([{ STATUS: 'all is well' }, { STATUS: 'all is well' }]);
  // Once, not each time.
  expect(lines.filter(({ msg }) => /the loop of barn has stood still for 33 s/.test(String(msg)))).toHaveLength(1);
  loops[1] = loop(10);
  vi.advanceTimersByTime(20_000);
  expect(told.at(-1)).toEqual({ WATCHDOG: '1', STATUS: 'all is well' });
});

test('a reading of the configuration ends ready, with what is wrong', () => {
  const { announcer, told } = announcing(undefined, () => []);
  announcer.reloading();
  announcer.reloaded({ timeMs: 0, problem: 'meters is missing' });
  announcer.reloaded({ timeMs: 0 });
  expect(told).toEqual([
    { RELOADING: '1', STATUS: 'reads the configuration again' },
    { READY: '1', STATUS: 'the configuration stays: meters is missing' },
    { READY: '1', STATUS: 'all is well' },
  ]);
});

test('who stops feeds no more', async () => {
  const { announcer, told } = announcing(undefined, () => [loop(0)]);
  announcer.ready();
  vi.advanceTimersByTime(2000);
  await announcer.stopping();
  vi.advanceTimersByTime(200_000);
  expect(told.slice(1)).toEqual([{ STOPPING: '1', STATUS: 'stops: writes what it has' }]);
});
