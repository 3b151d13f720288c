import { expect, test } from 'vitest';
import { textTimeMs, timestampMs } from '../../agent/import/times.ts';

const MS = Date.UTC(2026, 10, 21, 11, 0, 5, 123);

test.for([
  ['1795258805', 'auto', MS - 123],
  ['1795258805123', 'auto', MS],
  ['1795258805123456', 'auto', MS],
  ['1795258805123456789', 'auto', MS],
  ['1795258805123456789', 'ns', MS],
  ['1795258805123999', 'us', MS],
  ['1795258805', 's', MS - 123],
  ['1795258805', 'ms', 1_795_258_805],
] as const)('timestamp %s in %s', ([digits, precision, timeMs]) => {
  expect(timestampMs(digits, precision)).toBe(timeMs);
});

test('a timestamp whose precision cannot be told is refused', () => {
  for (const digits of ['1', '-1795258805', '179525880512']) {
    expect(() => timestampMs(digits, 'auto')).toThrow(/--precision/);
  }
});

test.for([
  ['2026-11-21T11:00:05.123Z', MS],
  ['2026-11-21 11:00:05.123456789Z', MS],
  ['2026-11-21T12:00:05,123+01:00', MS],
  ['2026-11-21T12:00:05.123+0100', MS],
  ['2026-11-21 06:00:05.123-05', MS],
  ['2026-11-21 11:00 UTC', MS - 5123],
  ['1795258805.123', MS],
  ['1795258805', MS - 123],
  ['1795258805123', MS],
] as const)('time %s', ([text, timeMs]) => {
  expect(textTimeMs(text)).toBe(timeMs);
});

test.for([
  ['2026-11-21 11:00:05', /has no zone; add Z/],
  ['2026-02-30T00:00:00Z', /no time of any calendar/],
  ['2026-13-01T00:00:00Z', /no time of any calendar/],
  ['2026-11-21T25:00:00Z', /no time of any calendar/],
  ['21.11.2026 11:00', /is no time; use ISO 8601/],
  ['', /is no time/],
] as const)('%j is refused', ([text, reason]) => {
  expect(() => textTimeMs(text)).toThrow(reason);
});
