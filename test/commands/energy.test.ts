import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { finished } from '../support/child.ts';
import { commit, keepUp, readingsOf } from '../support/history.ts';
import { HOUSE } from '../support/readings.ts';

import { temporaryDirectory } from '../support/temporary.ts';

const HOUR_MS = 3_600_000;
/** Midnight in Berlin, on the day on which clocks are put back. */
const FROM_MS = Date.parse('2026-10-24T22:00Z');

/** 1 kW for two days but for three hours, in which 1 kWh was counted, and from then on another meter's counter. */
function prepared() {
  const directory = temporaryDirectory();
  const stateDir = join(directory, 'state');
  const config = join(directory, 'config.yaml');
  const meters = '[{name: house, model: we-515, connection: {serial: /dev/ttyUSB0}}]';
  writeFileSync(config, `stateDir: ${stateDir}\ntimeZone: Europe/Berlin\nmeters: ${meters}\n`);
  const gap = { from: FROM_MS + 5.5 * HOUR_MS, to: FROM_MS + 8.5 * HOUR_MS };
  const replacedMs = FROM_MS + 30 * HOUR_MS;
  const readings = readingsOf(HOUSE, FROM_MS, 48 * 60 + 1, 60_000, (timeMs) => {
    const hours = (timeMs - FROM_MS) / HOUR_MS;
    const energy = timeMs < replacedMs ? 1000 + hours - (timeMs >= gap.to ? 2 : 0) : hours - 30;
    return { active_power: 1000, active_energy: Math.floor(energy * 100 + 1e-6) / 100, active_energy_t1: 0 };
  });
  commit(
    stateDir,
    readings.filter(({ timeMs }) => timeMs <= gap.from || timeMs >= gap.to),
  );
  keepUp(stateDir);
  const energy = (...args: string[]) => finished(['energy', '--config', config, ...args], { TZ: 'America/New_York' });
  return { stateDir, energy };
}

test('days of 25 and 24 hours in the configuration’s zone, with a total, and what is not sure marked', async () => {
  const { energy } = prepared();
  const { out, err, code } = await energy('--from', '2026-10-25', '--to', '2026-10-27');
  expect({ err, code }).toEqual({ err: '', code: 0 });
  expect(out).toBe(`time                    meter              kWh
2026-10-25              house            23.00
2026-10-26              house            22.98!
total                   house            45.98
! the counter was reset or the meter replaced: what it counted around that may be missing
`);
});

test('hours: the one that comes twice is told apart, a gap is spread and marked', async () => {
  const { energy } = prepared();
  const { out } = await energy('--by', 'hour', '--from', '2026-10-25 01:00', '--to', '2026-10-25T08:00');
  expect(out).toBe(`time                    meter              kWh
2026-10-25 01:00 +02:00 house             1.00
2026-10-25 02:00 +02:00 house             1.00
2026-10-25 02:00 +01:00 house             1.00
2026-10-25 03:00 +01:00 house             1.00
2026-10-25 04:00 +01:00 house             0.67~
2026-10-25 05:00 +01:00 house             0.33~
2026-10-25 06:00 +01:00 house             0.33~
2026-10-25 07:00 +01:00 house             0.67~
total                   house             6.00
~ partly estimated: nothing was read for a while, what was counted then is spread evenly over that time
`);
});

test('CSV, JSON and line protocol tell the same', async () => {
  const { energy } = prepared();
  const range = ['--by', 'month', '--from', '2026-10-01', '--to', '2026-11-01'];
  expect((await energy(...range, '--format', 'csv')).out).toBe(
    'period,from,to,meter,active_energy,breaks\r\n' +
      '2026-10,2026-09-30T22:00:00.000Z,2026-10-31T23:00:00.000Z,house,45.98,1\r\n',
  );
  expect(JSON.parse((await energy(...range, '--format', 'json')).out)).toEqual([
    {
      period: '2026-10',
      from: '2026-09-30T22:00:00.000Z',
      to: '2026-10-31T23:00:00.000Z',
      meter: 'house',
      energies: {
        active_energy: { amount: 45.98, estimated: 0, breaks: 1 },
        active_energy_t1: { amount: 0, estimated: 0, breaks: 0 },
      },
    },
  ]);
  expect((await energy(...range, '--format', 'line')).out).toBe(
    'energy_month,meter=house active_energy=45.98,active_energy_t1=0 1790805600000\n',
  );
  const hours = await energy(
    '--by',
    'hour',
    '--from',
    '2026-10-25 04:00',
    '--to',
    '2026-10-25 05:00',
    '--format',
    'csv',
  );
  expect(hours.out).toMatch(
    /^period,from,to,meter,active_energy,active_energy_estimated,breaks\r\n.*,house,0.6667,0.1667,0\r\n$/,
  );
});

test('another meter, another time: nothing, in each format', async () => {
  const { energy } = prepared();
  expect((await energy('--meter', 'barn')).out).toBe('no energy was read in this time\n');
  expect((await energy('--from', '2020-01-01', '--to', '2020-02-01')).out).toBe('no energy was read in this time\n');
  expect((await energy('--meter', 'barn', '--format', 'json')).out).toBe('[]\n');
  expect((await energy('--meter', 'barn', '--format', 'line')).out).toBe('');
});

test.for([
  [['--by', 'week'], 64, /Allowed choices are hour, day, month/],
  [['--from', '2026-02-31'], 64, /There is no day/],
  [['--from', '2026-02-03', '--to', '2026-02-01'], 64, /--from is not before --to/],
  [['--state-dir', '/nowhere'], 74, /there is no journal in \/nowhere/],
] as const)('energy %j ends with %i and one sentence', async ([args, expected, sentence]) => {
  const { energy } = prepared();
  const { code, err } = await energy(...args);
  expect(code).toBe(expected);
  expect(err).toMatch(sentence);
  expect(err).not.toMatch(/ at .*\.ts/);
});

test('readings --every tells the means also of times whose readings are gone, and status how far they go', async () => {
  const { stateDir } = prepared();
  const every = await finished([
    'readings',
    '--every',
    '12h',
    '--from',
    '2026-10-24T22:00Z',
    '--to',
    '2026-10-26T22:00Z',
    '--format',
    'csv',
    '--state-dir',
    stateDir,
  ]);
  expect(
    every.out
      .split('\r\n')
      .slice(1, -1)
      .map((line) => line.split(',')[0]),
  ).toEqual(
    ['2026-10-24T12', '2026-10-25T00', '2026-10-25T12', '2026-10-26T00', '2026-10-26T12'].map(
      (hour) => `${hour}:00:00.000Z`,
    ),
  );
  const own = ['--from', '2026-10-24T22:00Z', '--to', '2026-10-26T22:00Z', '--format', 'json', '--state-dir', stateDir];
  const starts = async (each: string) => {
    const { out } = await finished(['readings', '--every', each, ...own]);
    return JSON.parse(out).map((row: { time: string; values: { active_power: number } }) => [
      row.time,
      row.values.active_power,
    ]);
  };
  // Of Berlin, where the 25th has 25 hours.
  const days = await starts('day');
  expect(days.map(([time]: [string]) => time)).toEqual(['2026-10-24T22:00:00.000Z', '2026-10-25T23:00:00.000Z']);
  expect(await starts('1d')).toEqual(days);
  expect((await starts('month')).map(([time]: [string]) => time)).toEqual(['2026-09-30T22:00:00.000Z']);
  for (const wrong of ['2d', '1mo', 'week']) {
    const { code, err } = await finished(['readings', '--every', wrong, ...own]);
    expect([code, err]).toEqual([64, expect.stringMatching(/--every.* is invalid. Write a duration/)]);
  }
  const status = await finished(['status', '--state-dir', stateDir]);
  expect(status.out).toMatch(
    /^history {5}roll-ups since 2026-10-24T22:00:00.000Z, the newest .* old; 0.\d MB; days of Europe\/Berlin$/m,
  );
});
