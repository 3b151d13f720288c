import { expect, test } from 'vitest';
import { problemsIn } from '../../agent/report/problems.ts';
import { statusText } from '../../agent/report/text.ts';
import { DAY, NOW_MS, wellFacts } from '../support/facts.ts';

const shown = (facts = wellFacts()) => statusText(facts, problemsIn(facts));

test('a well machine at a glance', () => {
  expect(shown()).toBe(`all is well: house 1 s ago
services    collector active
timers      backup ran 30 min ago
collector   running as process 812, for 24 h
meter       house, we-515 on serial:/dev/energy-meter
  reading   1234 W, 230.1 V, 4231.45 kWh, 1 s old
  today     no gap
  line      1998 of 2000 requests answered, 99.9 %; 2 time-outs, 0 damaged, 0 refused, 0 stray bytes, 0 disconnects
journal     readings since 2026-10-22T12:00:00.000Z, 7 not yet in the file; 190 MB in /var/lib/energy-monitor
history     roll-ups since 2026-01-25T12:00:00.000Z, the newest 10 min old; 2.0 MB; days of Europe/Berlin
server      influxdb: up to date, has all up to 10 s ago, 10 readings wait
backup      usb: backup 812 is 30 min old, found whole 3 days ago, 700 restored on trial 3 days ago
machine     Raspberry Pi 4 Model B, 48 °C, power and frequency as they should be, disk 20 GB of 29 GB free (69 %), full in about 900 days, 120 MB a day written to it
`);
});

test('the first line tells the worst problem; each stands with its remedy above the facts', () => {
  const meters = [{ ...DAY, last: { timeMs: NOW_MS - 60_000, values: {} }, missed: { timeout: 60 } }];
  const lines = shown(wellFacts({ meters, configProblem: { message: 'x has 1 mistake', hint: 'correct it' } })).split(
    '\n',
  );
  expect(lines.slice(0, 5)).toEqual([
    '2 problems: house gives no reading for 60 s ...',
    '  problem   house gives no reading for 60 s',
    expect.stringMatching(/^ {12}-> check the power of the meter/),
    '  problem   x has 1 mistake',
    '            -> correct it',
  ]);
  expect(lines).toContain('  reading   - W, - V, 60 s old');
  expect(lines).toContain('  today     60 of 43200 missed, 0.14 % (60 timeout)');
});

test('a journal that cannot be read leaves what the collector says; what there is not is not shown', () => {
  const bare = shown(
    wellFacts({
      journal: null,
      meters: [],
      servers: [],
      backups: {},
      units: undefined,
      machine: { model: '', values: {}, metricsMs: undefined, diskFullDays: undefined, writtenBytesPerDay: undefined },
      expected: { file: 'config.yaml', stores: undefined, drills: false },
    }),
  );
  expect(bare).toMatch(/^meter {7}house, we-515 on .*\n {2}reading {3}none yet\n {2}line/m);
  expect(bare).toMatch(/^journal {5}cannot be read, in /m);
  expect(bare).toMatch(/^backup {6}none configured$/m);
  expect(bare).not.toMatch(/^(?:server|machine|services|timers)/m);
});
