import { spawn } from 'node:child_process';
import { createWriteStream, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { finished as streamEnd } from 'node:stream/promises';
import { expect, test } from 'vitest';
import { Progress } from '../../agent/import/progress.ts';
import { NOTHING } from '../../agent/import/tally.ts';
import { toLine } from '../../agent/influxdb/line-protocol.ts';
import { Journal } from '../../agent/journal/journal.ts';
import { finished, REPOSITORY, runCommand } from '../support/child.ts';
import { allReadings, textFile } from '../support/imports.ts';
import { DECIMALS, HOUSE } from '../support/readings.ts';
import { silentLog } from '../support/silent-log.ts';
import { temporaryDirectory } from '../support/temporary.ts';
import { readingAt } from './readings.ts';

const BASE = Date.UTC(2026, 2, 1);
const ALL = ['--from', '2026-01-01', '--to', '2026-11-01'];
const SERIES = [HOUSE, { ...HOUSE, meter: 'heat pump, cellar' }, { measurement: 'host', meter: 'pi', model: '' }];

function filledStateDir(): string {
  const stateDir = temporaryDirectory();
  const journal = Journal.open({ stateDir, flushIntervalMs: 3_600_000, log: silentLog });
  for (let i = 0; i < 100; i++) {
    for (const series of SERIES) journal.append(readingAt(BASE + i * 1000, series), DECIMALS);
    journal.append({ series: HOUSE, timeMs: BASE + i * 1000 + 500, values: { voltage: 200 + 1 / (i + 1) } }, DECIMALS);
  }
  journal.close();
  return stateDir;
}

test.for(['line', 'csv'] as const)('readings that go out as %s come in equal', async (format) => {
  const from = filledStateDir();
  const path = textFile(
    `a.${format}`,
    (await finished(['readings', '--state-dir', from, ...ALL, '--format', format])).out,
  );
  const stateDir = join(temporaryDirectory(), 'state');
  const model = format === 'csv' ? ['--model', 'we-515'] : [];
  const { code, out } = await finished(['import', path, '--state-dir', stateDir, ...model]);
  expect([code, out]).toEqual([0, expect.stringContaining('0 there already')]);
  // CSV has neither measurement nor model.
  const wanted = (readings: ReturnType<typeof allReadings>) =>
    format === 'line' ? readings : readings.filter(({ series }) => series.meter !== 'pi');
  expect(wanted(allReadings(stateDir))).toEqual(wanted(allReadings(from)));
  // Into the journal that it came from, nothing is new.
  const back = await finished(['import', path, '--state-dir', from, ...(format === 'csv' ? [] : model)]);
  if (format === 'line') expect(back.out).toContain('0 new readings, 400 there already');
});

test('standard input, and that it cannot go on', async () => {
  const stateDir = temporaryDirectory();
  const child = spawn(join(REPOSITORY, 'agent/energy-monitor'), ['import', '-', '--state-dir', stateDir], {
    stdio: ['pipe', 'ignore', 'pipe'],
  });
  let said = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    said += text;
  });
  const ended = new Promise((resolve) => child.once('close', resolve));
  const readings = Array.from({ length: 3000 }, (_, i) => readingAt(BASE + i * 1000));
  child.stdin.end(readings.map((reading) => `${toLine(reading)}\n`).join(''));
  expect(await ended).toBe(0);
  expect(said).toContain('standard input: if this is cut off, begin again');
  expect(allReadings(stateDir)).toEqual(readings);
});

test('Ctrl-C ends it well, and the same command goes on', async () => {
  const stateDir = temporaryDirectory();
  const readings = Array.from({ length: 60_000 }, (_, i) => readingAt(BASE + i * 1000));
  const path = textFile('a.lp', readings.map((reading) => `${toLine(reading)}\n`).join(''));
  const child = runCommand(['import', path, '--state-dir', stateDir]);
  await child.printed(/line protocol\n/);
  expect(await child.end('SIGINT')).toBe(0);
  expect(child.output()).toMatch(/stopped, the same command goes on from here/);
  const rest = await finished(['import', path, '--state-dir', stateDir]);
  expect(rest.err).toMatch(/going on behind record \d+/);
  expect(rest.out).toContain('60000 new readings, 0 there already');
  expect(allReadings(stateDir)).toHaveLength(60_000);
});

const NO_METER = `energy voltage=230 ${BASE}\n`;

test.for([
  ['nothing', [], '', 64, /there is nothing to import/],
  ['a file that is not there', ['/nowhere/a.lp'], '', 64, /there is no file \/nowhere\/a\.lp/],
  ['a directory', ['/tmp'], '', 64, /\/tmp is a directory/],
  [
    'no meter',
    ['FILE'],
    NO_METER,
    64,
    /FILE:1: the data does not say which meter it is of\n {2}name it, such as --meter house/,
  ],
  ['no model', ['FILE', '--meter', 'house'], NO_METER, 64, /FILE:1: the data does not say which model meter house is/],
  ['a wrong --map', ['FILE', '--map', 'a=watt'], NO_METER, 64, /Write COLUMN=QUANTITY/],
  ['a wrong precision', ['FILE', '--precision', 'h'], NO_METER, 64, /Allowed choices are auto, ns, us, ms, s/],
  ['a wrong zone', ['FILE', '--time-zone', 'Berlin'], NO_METER, 64, /such as Europe\/Berlin/],
  ['files and a database', ['FILE', '--from-influxdb', 'http://localhost:1'], NO_METER, 64, /exclude each other/],
  ['a secret in the URL', ['--from-influxdb', 'http://a:b@localhost:1'], '', 64, /is not one of a server/],
  [
    'a token that is not there',
    ['--from-influxdb', 'http://localhost:1', '--token-file', '/nowhere/t'],
    '',
    78,
    /\/nowhere\/t is not there/,
  ],
] as const)('%s: one sentence', async ([, args, content, expected, sentence]) => {
  const path = textFile('a.lp', content);
  const stateDir = temporaryDirectory();
  const { code, err } = await finished([
    'import',
    ...args.map((arg) => arg.replace('FILE', path)),
    '--state-dir',
    stateDir,
  ]);
  expect(err.replaceAll(path, 'FILE')).toMatch(sentence);
  expect(err).not.toMatch(/\n\s+at |http:\/\/a:b/);
  expect(code).toBe(expected);
});

test('--help has examples; the first lines of all commands name import', async () => {
  expect((await finished(['import', '--help'])).out).toMatch(
    /Examples:.*--dry-run.*--map "Power \(kW\)=active_power:1000"/s,
  );
  expect((await finished(['--help'])).out).toContain('import ');
});

test('progress: a line that stays on a terminal, with share, pace and time left', () => {
  let written = '';
  const screen = {
    write: (text: string) => {
      written += text;
    },
    isTTY: true,
    columns: 30,
  };
  const progress = new Progress(screen, 'a.lp', 1000);
  const tally = { ...NOTHING, records: 21_000 };
  progress.update(tally, 0.2);
  expect(written).toBe('');
  const text = progress.text(tally, 0.6, performance.now() + 10_000);
  expect(text).toMatch(/^a\.lp: 60 %, 21000 records, (1999|2000) a second, \d+ s left$/);
  expect(progress.text(tally, undefined, performance.now() + 10_000)).not.toContain('left');
});

/** Not a bound but a figure: memory must not grow with the file. */
test('a file of 200 000 readings: pace and memory are said', async () => {
  const directory = temporaryDirectory();
  const path = join(directory, 'big.lp');
  const out = createWriteStream(path);
  for (let i = 0; i < 200_000; i++) {
    if (!out.write(`${toLine(readingAt(BASE + i * 1000))}\n`))
      await new Promise<void>((resolve) => out.once('drain', resolve));
  }
  await streamEnd(out.end());
  const child = runCommand(['import', path, '--state-dir', join(directory, 'state')]);
  let peakKb = 0;
  const watch = setInterval(() => {
    try {
      const status = readFileSync(`/proc/${child.process.pid}/status`, 'utf8');
      peakKb = Math.max(peakKb, Number(/VmHWM:\s+(\d+)/.exec(status)?.[1] ?? 0));
    } catch {
      // It has ended.
    }
  }, 50);
  expect(await child.ended).toBe(0);
  clearInterval(watch);
  expect(child.output()).toContain('200000 new readings, 0 there already');
  process.stdout.write(`import: ${/\((.*)\)/.exec(child.output())?.[1]}, peak RSS ${Math.round(peakKb / 1024)} MB\n`);
});
