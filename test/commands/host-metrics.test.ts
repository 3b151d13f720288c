import { existsSync, writeFileSync } from 'node:fs';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { Journal } from '../../agent/journal/journal.ts';
import { JournalReader } from '../../agent/journal/reader.ts';
import { finished } from '../support/child.ts';
import { silentLog } from '../support/silent-log.ts';
import { temporaryDirectory } from '../support/temporary.ts';

function stored(stateDir: string) {
  const reader = new JournalReader(stateDir);
  try {
    return reader.readings({ fromMs: 0, toMs: Number.MAX_SAFE_INTEGER });
  } finally {
    reader.close();
  }
}

const ALWAYS = [
  'cpu_load_percent',
  'cpu0_load_percent',
  'memory_total_bytes',
  'uptime_seconds',
  'load_1m',
  'disk_free_bytes',
];

test('--json and --print show this machine and store nothing', async () => {
  const stateDir = temporaryDirectory();
  const { code, out } = await finished(['host-metrics', '--json', '--state-dir', stateDir]);
  expect(code).toBe(0);
  const report = JSON.parse(out) as { time: string; host: string; values: Record<string, number> };
  expect(report.host).toBe(hostname());
  expect(Math.abs(Date.now() - Date.parse(report.time))).toBeLessThan(60_000);
  for (const name of ALWAYS) expect(report.values[name], name).toEqual(expect.any(Number));
  const printed = await finished(['host-metrics', '--print', '--state-dir', stateDir]);
  expect(printed.out).toMatch(/^cpu load +\d+\.\d %$/m);
  expect((await finished(['status', '--state-dir', stateDir])).err).toMatch(/there is no journal/);
});

const METERS = 'meters: [{name: house, model: we-515, connection: {serial: /dev/ttyUSB0}}]\n';

function configFile(text: string): string {
  const config = join(temporaryDirectory(), 'config.yaml');
  writeFileSync(config, text);
  return config;
}

test.for([
  ['plain', (path: string) => path],
  ['in quotes', (path: string) => `"${path}"`],
  ['in a way that only the parser knows', (path: string) => `!!str ${path}`],
] as const)('without a collector the reading is committed at once, into a new state directory too: %s', async ([
  ,
  written,
]) => {
  const stateDir = join(temporaryDirectory(), 'state');
  const config = configFile(`stateDir: ${written(stateDir)}\n${METERS}`);
  expect(await finished(['host-metrics', '--config', config])).toEqual({ code: 0, out: '', err: '' });
  const [reading, ...others] = stored(stateDir);
  expect(others).toEqual([]);
  expect(reading?.series).toMatchObject({ measurement: 'host', meter: hostname() });
  for (const name of ALWAYS) expect(reading?.values[name], name).toEqual(expect.any(Number));
});

test('tables of meters do not show it, formats with names do', async () => {
  const stateDir = temporaryDirectory();
  await finished(['host-metrics', '--state-dir', stateDir]);
  const printed = async (format: string) =>
    (await finished(['readings', '--state-dir', stateDir, '--format', format])).out;
  for (const format of ['table', 'csv']) expect((await printed(format)).split('\n')).toHaveLength(2);
  expect(JSON.parse(await printed('json'))).toMatchObject([{ measurement: 'host', meter: hostname() }]);
  expect(await printed('line')).toMatch(/^host,host=.* cpu_load_percent=/);
});

test("while a collector runs the reading is kept with the collector's next flush", async () => {
  const stateDir = temporaryDirectory();
  const journal = Journal.open({ stateDir, flushIntervalMs: 3_600_000, log: silentLog });
  expect((await finished(['host-metrics', '--state-dir', stateDir])).code).toBe(0);
  expect(stored(stateDir)).toEqual([]);
  journal.flush();
  expect(stored(stateDir)).toHaveLength(1);
  journal.close();
});

test('a broken configuration ends with 78, and nothing is made', async () => {
  const stateDir = join(temporaryDirectory(), 'state');
  for (const text of [`stateDir: ${stateDir}\n`, `stateDir: ${stateDir}\n${METERS}journals: {}\n`, 'metres: []\n']) {
    const { code, err } = await finished(['host-metrics', '--config', configFile(text)]);
    expect([code, err], text).toEqual([78, expect.stringMatching(/config\.yaml has \d mistakes?:/)]);
  }
  expect(existsSync(stateDir)).toBe(false);
});

test.for([
  [['--state-dir', '/dev/null/state'], 74, /^energy-monitor: \/dev\/null\/state cannot be used/],
  [['--config', '/nowhere.yaml'], 78, /^energy-monitor: configuration \/nowhere.yaml is not there/],
] as const)('%j ends with %i and one sentence', async ([args, expected, sentence]) => {
  const { code, err } = await finished(['host-metrics', ...args]);
  expect(err).toMatch(sentence);
  expect(err).not.toMatch(/\n\s+at /);
  expect(code).toBe(expected);
});
