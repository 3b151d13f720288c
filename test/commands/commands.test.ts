import { spawn, spawnSync } from 'node:child_process';
import { closeSync, openSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { Journal } from '../../agent/journal/journal.ts';
import { finished, REPOSITORY, runCommand } from '../support/child.ts';
import { DECIMALS, HOUSE, readingAt } from '../support/readings.ts';
import { silentLog } from '../support/silent-log.ts';
import { temporaryDirectory } from '../support/temporary.ts';
import { virtualLine } from '../support/virtual-line.ts';

const BASE = Date.UTC(2026, 10, 21, 11, 0, 0);

/** A state directory with ten seconds of readings. */
function filledStateDir(): string {
  const stateDir = temporaryDirectory();
  const journal = Journal.open({ stateDir, flushIntervalMs: 10_000, log: silentLog });
  for (let second = 0; second < 10; second++) journal.append(readingAt(BASE + second * 1000), DECIMALS);
  journal.close();
  return stateDir;
}

function configFile(text: string): string {
  const path = join(temporaryDirectory(), 'config.yaml');
  writeFileSync(path, text);
  return path;
}

const RANGE = ['--from', '2026-11-21T11:00:00Z', '--to', '2026-11-21T11:00:10Z'];

test('--help tells a beginner the first steps and the exit codes', async () => {
  const { code, out } = await finished(['--help']);
  expect(code).toBe(0);
  for (const word of ['live', 'collect', 'readings', 'status', 'simulate', 'config', 'First steps', 'Exit codes', '78'])
    expect(out).toContain(word);
});

test.for([
  [['colect'], 64, /unknown command 'colect'.*\(Did you mean collect\?\)/s],
  [['constructor'], 64, /unknown command 'constructor'/],
  [['readings', '--last', 'soon'], 64, /Write a duration such as/],
  [['readings', '--format', 'xml'], 64, /Allowed choices are table, csv, json, line/],
  [['readings', '--from', 'noon'], 64, /Write a time such as/],
  [['readings', '--from', '2026-02-30x'], 64, /Write a time such as/],
  [['readings', '--from', '2026-02-31'], 64, /There is no day 2026-02-31/],
  [['readings', '--from', '2026-02-29 12:00'], 64, /There is no day 2026-02-29/],
  [['import', '--to', '2026-13-01T11:00:00Z'], 64, /There is no day 2026-13-01/],
  [['readings', '--from', '2028-02-29 25:00'], 64, /Write a time such as/],
  [['readings', '--last', '5m', '--from', '2026-01-01'], 64, /exclude each other/],
  [['readings', '--from', '2026-01-02', '--to', '2026-01-01'], 64, /--from is not before --to/],
  [['simulate', '--fault', 'fire=1'], 64, /names are late, double/],
  [['simulate', '--fault', 'late=2'], 64, /a rate from 0 to 1/],
  [['simulate', '--unit', '0'], 64, /whole number from 1 to 247/],
  [['simulate', '--model', 'we-999'], 64, /Allowed choices are we-504, we-514, we-515/],
  [['simulate', '--link', '/nowhere/meter'], 74, /the link \/nowhere\/meter cannot be made/],
  [['readings', '--state-dir', '/nowhere'], 74, /there is no journal in \/nowhere/],
  [['status', '--state-dir', '/nowhere'], 74, /there is no journal in \/nowhere/],
  [['collect', '--config', '/nowhere.yaml'], 78, /configuration \/nowhere.yaml is not there/],
  [['live', '--model', 'we-999', '--state-dir', '/dev/null/never'], 64, /Allowed choices are we-504, we-514, we-515/],
] as const)('%j ends with %i and one sentence, no stack trace', async ([args, expected, sentence]) => {
  const { code, err } = await finished([...args]);
  expect(err).toMatch(sentence);
  expect(err).not.toMatch(/\n\s+at /);
  expect(err).toMatch(/^energy-monitor: /);
  expect(code).toBe(expected);
});

test('the command finds its own Node through a link, from any directory, whatever node is first in PATH', async () => {
  const directory = temporaryDirectory();
  const link = join(directory, 'energy-monitor');
  symlinkSync(join(REPOSITORY, 'agent/energy-monitor'), link);
  const { stdout } = spawnSync(link, ['--version'], {
    cwd: directory,
    env: { PATH: '/usr/bin:/bin' },
    encoding: 'utf8',
  });
  expect(stdout).toMatch(/^\d+\.\d+\.\d+\n$/);
});

test('config: the example is checked and shown, mistakes end with 78', async () => {
  const example = await finished(['config', 'example']);
  const path = configFile(example.out);
  expect(await finished(['config', 'check', '--config', path])).toMatchObject({
    code: 0,
    out: `${path} is right: 1 meter\n`,
  });
  expect((await finished(['config', 'show', '--config', path])).out).toContain('baudRate: 9600');
  const wrong = configFile('metres: []\n');
  const { code, err } = await finished(['collect', '--config', wrong]);
  expect(code).toBe(78);
  expect(err).toContain('line 1: metres: unknown key; did you mean meters?');
  expect(err).toContain('energy-monitor config example');
});

test('readings as JSON: an array of time, measurement, meter and values', async () => {
  const { code, out } = await finished(['readings', '--state-dir', filledStateDir(), ...RANGE, '--format', 'json']);
  expect(code).toBe(0);
  const parsed = JSON.parse(out) as unknown[];
  expect(parsed).toHaveLength(10);
  expect(parsed[0]).toEqual({
    time: '2026-11-21T11:00:00.000Z',
    measurement: 'energy',
    meter: 'house',
    values: readingAt(BASE).values,
  });
  const none = await finished(['readings', '--state-dir', filledStateDir(), '--last', '1s', '--format', 'json']);
  expect(JSON.parse(none.out)).toEqual([]);
});

test('readings as CSV and as line protocol', async () => {
  const stateDir = filledStateDir();
  const csv = (await finished(['readings', '--state-dir', stateDir, ...RANGE, '--format', 'csv'])).out.split('\r\n');
  expect(csv[0]).toMatch(/^time,meter,frequency,voltage,current,active_power/);
  expect(csv[1]).toBe(
    '2026-11-21T11:00:00.000Z,house,,223.00,'.replace('223.00', String(readingAt(BASE).values.voltage)) +
      `,${readingAt(BASE).values.active_power}${','.repeat(4)}${readingAt(BASE).values.active_energy}${','.repeat(11)}`,
  );
  const line = (await finished(['readings', '--state-dir', stateDir, ...RANGE, '--format', 'line'])).out.split('\n');
  const { voltage, active_power, active_energy } = readingAt(BASE).values;
  expect(line[0]).toBe(
    `energy,meter=house,model=we-515 voltage=${voltage},active_power=${active_power},active_energy=${active_energy} ${BASE}`,
  );
});

test('readings in groups: means of gauges, the last value of counters', async () => {
  const { out } = await finished([
    'readings',
    '--state-dir',
    filledStateDir(),
    ...RANGE,
    '--every',
    '5s',
    '--format',
    'json',
  ]);
  const groups = JSON.parse(out) as { time: string; values: Record<string, number> }[];
  expect(groups.map((group) => group.time)).toEqual(['2026-11-21T11:00:00.000Z', '2026-11-21T11:00:05.000Z']);
  const five = [0, 1, 2, 3, 4].map((second) => readingAt(BASE + second * 1000).values);
  const mean = five.reduce((sum, values) => sum + (values.active_power ?? 0), 0) / 5;
  expect(groups[0]?.values.active_power).toBeCloseTo(mean, 6);
  expect(groups[0]?.values.active_energy).toBe(five[4]?.active_energy);
});

test('readings as a table, of one meter only', async () => {
  const stateDir = filledStateDir();
  const { out } = await finished(['readings', '--state-dir', stateDir, ...RANGE]);
  expect(out.split('\n')).toHaveLength(12);
  expect((await finished(['readings', '--state-dir', stateDir, ...RANGE, '--meter', 'none'])).out).toContain(
    'no readings in this range',
  );
});

test('output that is cut off by its reader is no failure', async () => {
  const child = runCommand(['readings', '--state-dir', filledStateDir(), ...RANGE, '--format', 'json']);
  child.process.stdout?.destroy();
  expect(await child.ended).toBe(0);
});

test('collect, status and a second collector, on one state directory', async () => {
  const { line } = virtualLine();
  const stateDir = join(temporaryDirectory(), 'state');
  const config = configFile(
    `stateDir: ${stateDir}\nmeters: [{name: house, model: we-515, connection: {serial: ${line.linkPath}}}]\n`,
  );
  const collector = runCommand(['collect', '--config', config], { JOURNAL_STREAM: '1:1' });
  await collector.printed(/<6>collecting meters=\["house"\]/);
  await expect
    .poll(async () => JSON.parse((await finished(['status', '--json', '--config', config])).out), {
      timeout: 10_000,
      interval: 500,
    })
    .toMatchObject({
      running: true,
      collector: {
        pid: collector.process.pid,
        meters: [{ name: 'house', connected: true, good: expect.any(Number), lastReading: { values: {} } }],
      },
    });
  const well = await finished(['status', '--config', config]);
  expect(well.out).toMatch(/^ {2}today {5}(?:no gap|\d+ of \d+ missed)/m);
  expect(well.out).toMatch(/^collector {3}running as process \d+.*requests answered/ms);
  // The disk of this machine may be nearly full.
  expect([0, 1]).toContain(well.code);

  const second = await finished(['collect', '--config', config]);
  expect(second.code).toBe(75);
  expect(second.err).toContain(
    `another collector (process ${collector.process.pid}) is already writing to ${stateDir}`,
  );

  expect(
    (
      JSON.parse(
        (await finished(['readings', '--config', config, '--last', '1m', '--format', 'json'])).out,
      ) as unknown[]
    ).length,
  ).toBeGreaterThan(0);
  expect(await collector.end('SIGTERM')).toBe(0);
  const stopped = await finished(['status', '--config', config]);
  expect(stopped.out).toMatch(/^\d+ problems?: the collector is not running.*^collector {3}not running/ms);
  expect(stopped.code).toBe(2);
  const { model } = HOUSE;
  expect(readFileSync(config, 'utf8')).toContain(model);
});

test('a log that cannot be written does not end the collector', async () => {
  const { line } = virtualLine();
  const stateDir = join(temporaryDirectory(), 'state');
  const config = configFile(
    `stateDir: ${stateDir}\nmeters: [{name: house, model: we-515, connection: {serial: ${line.linkPath}}}]\n`,
  );
  const full = openSync('/dev/full', 'w');
  onTestFinished(() => closeSync(full));
  const child = spawn(join(REPOSITORY, 'agent/energy-monitor'), ['collect', '--config', config], {
    stdio: ['ignore', 'ignore', full],
  });
  onTestFinished(() => void child.kill('SIGKILL'));
  const ended = new Promise((resolve) => child.once('exit', resolve));
  const readings = async () =>
    JSON.parse((await finished(['readings', '--config', config, '--format', 'json'])).out || '[]') as unknown[];
  await expect.poll(async () => (await readings()).length, { timeout: 10_000, interval: 500 }).toBeGreaterThan(1);
  child.kill('SIGTERM');
  expect(await ended).toBe(0);
});

test('a collector whose adapter is missing says so and waits for it', async () => {
  const stateDir = join(temporaryDirectory(), 'state');
  const config = configFile(
    `stateDir: ${stateDir}\nmeters: [{name: house, model: we-515, connection: {serial: /dev/ttyNOWHERE}}]\n`,
  );
  const collector = runCommand(['collect', '--config', config]);
  await collector.printed(/serial port \/dev\/ttyNOWHERE is not there/);
  await collector.printed(/"cause":"disconnected"/);
  expect(await collector.end('SIGINT')).toBe(0);
});

test('a state directory that cannot be made is said, with 74 or 77', async () => {
  const config = configFile('stateDir: /dev/null/state\nmeters: [{name: a, model: we-514, connection: {tcp: host}}]\n');
  const { code, err } = await finished(['collect', '--config', config]);
  expect(err).toMatch(/^energy-monitor: \/dev\/null\/state cannot be used/);
  expect(code).toBe(74);
});

test('simulate leaves a file alone that has the name of its link', async () => {
  const path = configFile('precious');
  const { code, err } = await finished(['simulate', '--link', path]);
  expect([code, err]).toEqual([74, expect.stringContaining('cannot be made')]);
  expect(readFileSync(path, 'utf8')).toBe('precious');
});

test('simulate with a memory that cannot be written says so', async () => {
  const directory = temporaryDirectory();
  const { code, err } = await finished(['simulate', '--link', join(directory, 'meter'), '--memory', '/nowhere/memory']);
  expect([code, err]).toEqual([74, expect.stringContaining('memory /nowhere/memory cannot be written')]);
});

test('live: a plain line a second with the virtual meter, ended by Ctrl-C', async () => {
  const home = temporaryDirectory();
  const child = runCommand(['live'], { XDG_STATE_HOME: home });
  const line =
    /^\d\d:\d\d:\d\d {2}[ \d]{5} W {2}\d{3}\.\d V {2}[ \d]{2}\d?\.\d\d A {2}\d+\.\d\d kWh {2}\d+(?:\.\d)? % good {2}line ok$/m;
  await child.printed(line);
  await child.printed(new RegExp(`${line.source}\n${line.source}`, 'm'));
  expect(await child.end('SIGINT')).toBe(0);
  expect(child.output()).toContain('readings --state-dir');
  // Each line tells the share of the seconds so far, of which a busy machine may lose the first.
  const seconds = child.output().match(/^\d\d:\d\d:\d\d .*% good/gm) ?? [];
  const isGood = (second: string) => second.includes(' kWh ');
  const shares = seconds.map((_, i) => seconds.slice(0, i + 1).filter(isGood).length / (i + 1));
  const texts = shares.map((share) => (share === 1 ? '100' : (Math.floor(share * 1000) / 10).toFixed(1)));
  expect(seconds.map((second) => / ([\d.]+) % good/.exec(second)?.[1])).toEqual(texts);
  expect(child.output()).not.toContain('\u001b');
  expect(child.errors()).toBe('');
  const readings = await finished([
    'readings',
    '--state-dir',
    join(home, 'energy-monitor', 'virtual'),
    '--format',
    'json',
  ]);
  expect((JSON.parse(readings.out) as unknown[]).length).toBeGreaterThanOrEqual(2);
});

test('live with a port that is not there says so each second and what to do', async () => {
  const child = runCommand(['live', '--serial', '/dev/ttyNOWHERE', '--duration', '2s'], {
    XDG_STATE_HOME: temporaryDirectory(),
  });
  expect(await child.ended).toBe(0);
  expect(child.output()).toMatch(/gap \(disconnected\): serial port \/dev\/ttyNOWHERE is not there/);
  expect(child.output()).toMatch(/plug the adapter in/);
});
