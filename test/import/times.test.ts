import { expect, test } from 'vitest';
import { TimeZone } from '../../agent/import/time-zone.ts';
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

const BERLIN = new TimeZone('Europe/Berlin');

test.for([
  ['2026-01-15 12:00:05', '2026-01-15T11:00:05Z'],
  ['2026-07-15 12:00:05.25', '2026-07-15T10:00:05.25Z'],
  // Clocks go from 02:00 to 03:00, and back from 03:00 to 02:00.
  ['2026-03-29 01:59:59', '2026-03-29T00:59:59Z'],
  ['2026-03-29 03:00:00', '2026-03-29T01:00:00Z'],
  ['2026-10-25 01:59:59', '2026-10-24T23:59:59Z'],
  ['2026-10-25 03:00:00', '2026-10-25T02:00:00Z'],
  ['2026-10-25 02:30:00+02:00', '2026-10-25T00:30:00Z'],
  ['1795258805', '2026-11-21T11:00:05Z'],
] as const)('in Berlin, %s is %s', ([text, utc]) => {
  expect(textTimeMs(text, BERLIN)).toBe(Date.parse(utc));
});

test.for([
  ['2026-03-29 02:30:00', /"2026-03-29 02:30:00" does not exist in Europe\/Berlin/],
  ['2026-10-25 02:00:00', /comes twice in Europe\/Berlin; only a time with its zone can tell which/],
  ['2026-10-25 02:59:59', /comes twice/],
  ['2026-02-30 12:00:00', /no time of any calendar/],
] as const)('in Berlin, %s is refused', ([text, reason]) => {
  expect(() => textTimeMs(text, BERLIN)).toThrow(reason);
});

test('all times of a year come back, in zones of odd changes', () => {
  for (const name of ['Europe/Berlin', 'America/St_Johns', 'Australia/Lord_Howe', 'Asia/Kathmandu', 'UTC']) {
    const zone = new TimeZone(name);
    const shownIn = new Intl.DateTimeFormat('sv-SE', { timeZone: name, dateStyle: 'short', timeStyle: 'medium' });
    let refused = 0;
    for (let timeMs = Date.UTC(2025, 0, 1); timeMs < Date.UTC(2026, 0, 1); timeMs += 420_000) {
      try {
        expect(textTimeMs(shownIn.format(timeMs), zone)).toBe(timeMs);
      } catch (error) {
        expect(error).toMatchObject({ name: 'BadRecord' });
        refused++;
      }
    }
    // An hour that comes twice is two hours at most: 18 times seven minutes.
    expect(refused).toBeLessThan(19);
  }
});
