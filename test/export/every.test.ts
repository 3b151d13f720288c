import { expect, test } from 'vitest';
import { groupEvery } from '../../agent/export/every.ts';
import type { Reading, Values } from '../../agent/readings/reading.ts';

const HOST = { measurement: 'host', meter: 'raspberrypi', model: 'Pi' };

/** A reading a minute, as one group of all of them. */
function grouped(...values: Values[]): Values | undefined {
  const readings = values.map((one, i): Reading => ({ series: HOST, timeMs: i * 60_000, values: one }));
  const groups = [...groupEvery(readings, 3_600_000)];
  expect(groups).toHaveLength(1);
  return groups[0]?.values;
}

test.for([
  'uptime_seconds',
  'disk_written_bytes',
  'network_received_bytes',
  'network_sent_bytes',
  'unit_collector_restarts',
])('%s of the machine counts: the last value is taken', (name) => {
  expect(grouped({ [name]: 100 }, { [name]: 200 }, { [name]: 360 })).toEqual({ [name]: 360 });
});

test('a counter that began anew with the machine is its last value as well', () => {
  expect(grouped({ uptime_seconds: 5000 }, { uptime_seconds: 30 })).toEqual({ uptime_seconds: 30 });
});

test.for([
  'under_voltage',
  'throttled_has_occurred',
  'soft_temperature_limit',
  'unit_collector_active',
  'unit_host_metrics_failed',
])('%s is a flag: set when it was set at all, never a half', (name) => {
  expect(grouped({ [name]: 0 }, { [name]: 1 }, { [name]: 0 })).toEqual({ [name]: 1 });
  expect(grouped({ [name]: 0 }, {}, { [name]: 0 })).toEqual({ [name]: 0 });
});

test.for([
  'cpu_load_percent',
  'memory_available_bytes',
  'disk_free_bytes',
  'load_1m',
  'power_of_a_later_version',
])('%s is a value of the moment: the mean is taken', (name) => {
  expect(grouped({ [name]: 10 }, { [name]: 20 })).toEqual({ [name]: 15 });
});
