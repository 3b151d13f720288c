import { expect, test } from 'vitest';
import { isZone, Zone } from '../../agent/system/zone.ts';

const HOUR_MS = 3_600_000;

/** The days of a zone around a moment, as their beginnings and their lengths in hours. */
function daysAround(name: string, from: string, count: number): string[] {
  const zone = new Zone(name);
  let atMs = zone.startOfDay(Date.parse(from));
  return Array.from({ length: count }, () => {
    const startMs = atMs;
    atMs = zone.nextDay(startMs);
    return `${new Date(startMs).toISOString().slice(5, 16)} ${(atMs - startMs) / HOUR_MS}`;
  });
}

test.for([
  ['Europe/Berlin', '2026-03-28T12:00Z', ['03-27T23:00 24', '03-28T23:00 23', '03-29T22:00 24']],
  ['Europe/Berlin', '2026-10-24T12:00Z', ['10-23T22:00 24', '10-24T22:00 25', '10-25T23:00 24']],
  ['Australia/Lord_Howe', '2026-04-04T00:00Z', ['04-03T13:00 24', '04-04T13:00 24.5', '04-05T13:30 24']],
  ['Asia/Kathmandu', '2026-12-31T00:00Z', ['12-30T18:15 24', '12-31T18:15 24', '01-01T18:15 24']],
  ['America/St_Johns', '2026-03-07T12:00Z', ['03-07T03:30 24', '03-08T03:30 23', '03-09T02:30 24']],
  // Midnight is left out: the day begins at 01:00.
  ['Africa/Cairo', '2026-04-23T12:00Z', ['04-22T22:00 24', '04-23T22:00 23', '04-24T21:00 24']],
  // 1:00 becomes 0:00: the day begins with the first of both.
  ['America/Havana', '2026-10-31T12:00Z', ['10-31T04:00 24', '11-01T04:00 25', '11-02T05:00 24']],
  // 30 December never was there.
  ['Pacific/Apia', '2011-12-29T20:00Z', ['12-29T10:00 24', '12-30T10:00 24', '12-31T10:00 24']],
] as const)('days of %s around %s', ([name, from, expected]) => {
  expect(daysAround(name, from, 3)).toEqual(expected);
});

test('months, leap days and the end of a year', () => {
  const zone = new Zone('Europe/Berlin');
  const months = ['2027-12-31T23:30Z', '2028-02-29T12:00Z', '2026-10-25T01:30Z'].map((text) => {
    const startMs = zone.startOfMonth(Date.parse(text));
    return [new Date(startMs).toISOString().slice(0, 16), (zone.nextMonth(startMs) - startMs) / HOUR_MS];
  });
  expect(months).toEqual([
    ['2027-12-31T23:00', 744],
    ['2028-01-31T23:00', 29 * 24],
    ['2026-09-30T22:00', 745],
  ]);
});

test('hours are those of the clock, cut where it is changed', () => {
  const hoursOf = (name: string, from: string, count: number) => {
    const zone = new Zone(name);
    let atMs = zone.startOfHour(Date.parse(from));
    return Array.from({ length: count }, () => {
      const startMs = atMs;
      atMs = zone.nextHour(startMs);
      return `${new Date(zone.localMs(startMs)).toISOString().slice(11, 16)} ${(atMs - startMs) / 60_000}`;
    });
  };
  expect(hoursOf('Asia/Kathmandu', '2026-12-31T00:20Z', 2)).toEqual(['06:00 60', '07:00 60']);
  expect(hoursOf('Europe/Berlin', '2026-10-25T00:10Z', 3)).toEqual(['02:00 60', '02:00 60', '03:00 60']);
  expect(hoursOf('Europe/Berlin', '2026-03-29T00:10Z', 2)).toEqual(['01:00 60', '03:00 60']);
  expect(hoursOf('Australia/Lord_Howe', '2026-04-04T14:10Z', 3)).toEqual(['01:00 60', '01:30 30', '02:00 60']);
  expect(hoursOf('Australia/Lord_Howe', '2026-10-03T14:40Z', 3)).toEqual(['01:00 60', '02:30 30', '03:00 60']);
});

test('a zone is one of the IANA database', () => {
  for (const name of ['Europe/Berlin', 'America/Argentina/Salta', 'Etc/GMT+5', 'UTC'])
    expect([name, isZone(name)]).toEqual([name, true]);
  for (const name of [
    'Mars/Olympus',
    '',
    'America/Argentina',
    'posix/Europe/Berlin',
    'Europe/../Berlin',
    'Europe/Berlin/',
  ])
    expect([name, isZone(name)]).toEqual([name, false]);
});
