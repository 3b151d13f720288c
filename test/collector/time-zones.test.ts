import { afterEach, describe, expect, test } from 'vitest';
import { Machine, worstError } from '../support/machine.ts';
import { readAll } from '../support/open-journal.ts';
import { temporaryDirectory } from '../support/temporary.ts';

const ZONE = process.env.TZ;
const MINUTE = 60_000;

afterEach(() => {
  if (ZONE === undefined) delete process.env.TZ;
  else process.env.TZ = ZONE;
});

/** Each with the UTC moment at which something happens to local time or to the calendar. */
const MOMENTS = [
  ['Europe/Berlin', 'summer time begins', '2027-03-28T01:00:00Z', [-60, -120]],
  ['Europe/Berlin', 'summer time ends', '2027-10-31T01:00:00Z', [-120, -60]],
  ['Europe/Berlin', 'a leap day ends', '2028-02-29T23:00:00Z', [-60, -60]],
  ['Europe/Berlin', 'a year ends', '2026-12-31T23:00:00Z', [-60, -60]],
  ['Europe/Berlin', 'a year ends in UTC', '2027-01-01T00:00:00Z', [-60, -60]],
  ['America/St_Johns', 'summer time begins', '2027-03-14T05:30:00Z', [210, 150]],
  ['America/St_Johns', 'summer time ends', '2027-11-07T04:30:00Z', [150, 210]],
  ['America/St_Johns', 'a leap day begins', '2028-02-29T03:30:00Z', [210, 210]],
] as const;

describe.each(MOMENTS)('in %s, when %s', (zone, _, moment, offsets) => {
  const momentMs = Date.parse(moment);

  test('grid and journal go on second by second', async () => {
    process.env.TZ = zone;
    // It is that zone, and that moment.
    expect([-1, 0].map((ms) => new Date(momentMs + ms).getTimezoneOffset())).toEqual(offsets);
    const stateDir = temporaryDirectory();
    const machine = new Machine(momentMs - MINUTE, momentMs - MINUTE);
    machine.evidence.isSynchronized = true;
    machine.start(stateDir, { house: 1000, quarter: 900_000 });
    await machine.run(2 * MINUTE);
    await machine.stop();
    const { readings, gaps, durable } = readAll(stateDir);
    const house = readings.filter(({ series }) => series.meter === 'house').map(({ timeMs }) => timeMs);
    expect(house).toEqual(Array.from({ length: house.length }, (__, i) => momentMs - MINUTE + i * 1000));
    expect(house.length).toBeGreaterThanOrEqual(120);
    expect(durable).toHaveLength(readings.length);
    expect(gaps).toEqual([]);
    expect(worstError(readings)).toBeLessThan(2);
  });

  test('what was held over it gets its true times', async () => {
    process.env.TZ = zone;
    const stateDir = temporaryDirectory();
    const machine = new Machine(momentMs - 3_600_000, momentMs - MINUTE);
    machine.start(stateDir);
    await machine.run(2 * MINUTE);
    machine.synchronize();
    await machine.run(10_000);
    await machine.stop();
    const { readings, gaps } = readAll(stateDir);
    const times = readings.map(({ timeMs }) => timeMs);
    expect(times).toEqual(Array.from({ length: machine.outcomes.length }, (__, i) => momentMs - MINUTE + i * 1000));
    expect(gaps).toEqual([]);
  });
});
