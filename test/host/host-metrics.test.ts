import { expect, test } from 'vitest';
import { gatherHost } from '../../agent/host/host-metrics.ts';
import { hostText } from '../../agent/host/text.ts';
import { fits } from '../../agent/journal/packing.ts';
import { temporaryDirectory } from '../support/temporary.ts';
import { PC, PI } from './fixtures.ts';

const NOW = Date.UTC(2026, 10, 21, 11, 0, 7, 412);

/** Values of this machine's own disk below a temporary directory are its own. */
const withoutDisk = (values: Record<string, number>) =>
  Object.fromEntries(Object.entries(values).filter(([name]) => !name.startsWith('disk_')));

test('a Raspberry Pi 4: everything it has, rounded, as one reading on the second', async () => {
  const { reading, decimals } = await gatherHost({ stateDir: temporaryDirectory(), root: PI, nowMs: NOW });
  expect(reading.series).toEqual({
    measurement: 'host',
    meter: 'raspberrypi',
    model: 'Raspberry Pi 4 Model B Rev 1.5',
  });
  expect(reading.timeMs).toBe(Date.UTC(2026, 10, 21, 11, 0, 7));
  expect(withoutDisk(reading.values)).toEqual({
    cpu_temperature_celsius: 48.3,
    cpu_frequency_hertz: 1_500_000_000,
    under_voltage: 1,
    frequency_capped: 0,
    throttled: 1,
    soft_temperature_limit: 0,
    memory_total_bytes: 3978559488,
    memory_available_bytes: 3400749056,
    swap_total_bytes: 536866816,
    swap_used_bytes: 1310720,
    network_received_bytes: 11323333,
    network_sent_bytes: 5141519,
    uptime_seconds: 28912,
    load_1m: 0.21,
    load_5m: 0.18,
    load_15m: 0.11,
  });
  for (const [name, value] of Object.entries(reading.values))
    expect(fits(value, decimals[name] ?? -1), name).toBe(true);
});

test('a PC: what it has no sensor for is absent, not zero', async () => {
  const { reading } = await gatherHost({ stateDir: temporaryDirectory(), root: PC, nowMs: NOW });
  expect(Object.keys(withoutDisk(reading.values))).toEqual([
    'memory_total_bytes',
    'memory_available_bytes',
    'swap_total_bytes',
    'swap_used_bytes',
    'uptime_seconds',
    'load_1m',
    'load_5m',
    'load_15m',
  ]);
});

test('a state directory and a machine that are not there leave nothing, and stop nothing', async () => {
  const { reading } = await gatherHost({ stateDir: '/nowhere', root: '/nowhere', nowMs: NOW });
  expect(reading.values).toEqual({});
});

test('for a person: units that people use', async () => {
  const { reading } = await gatherHost({ stateDir: '/nowhere', root: PI, nowMs: NOW });
  const text = hostText(reading);
  for (const line of [
    /^raspberrypi, Raspberry Pi 4 Model B Rev 1.5, 2026-11-21T11:00:07.000Z$/m,
    /^cpu temperature +48.3 °C$/m,
    /^cpu frequency +1500 MHz$/m,
    /^under voltage +yes$/m,
    /^frequency capped +no$/m,
    /^memory total +3.71 GiB$/m,
    /^swap used +1.3 MiB$/m,
    /^uptime +0 d 8 h$/m,
    /^load 1m +0.21$/m,
  ])
    expect(text).toMatch(line);
});
