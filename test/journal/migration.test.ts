import { copyFileSync, existsSync, mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { openForWriting } from '../../agent/journal/database.ts';
import { JournalReader } from '../../agent/journal/reader.ts';
import { journalDays } from '../../agent/journal/segment.ts';
import { asideFiles } from '../../agent/journal/set-aside.ts';
import type { Reading } from '../../agent/readings/reading.ts';
import { REPOSITORY, runProgram, runScript } from '../support/child.ts';
import { ALL, open, readAll } from '../support/open-journal.ts';
import { DECIMALS, HOUSE, readingAt } from '../support/readings.ts';
import { requireMounts } from '../support/requires.ts';
import { SmallDisk } from '../support/small-disk.ts';
import { temporaryDirectory } from '../support/temporary.ts';

/** Journals that older versions wrote; fixtures/journal/make.mjs says how. */
const VERSIONS = ['v1', 'v2', 'v3'];
const FIRST_MS = 1_772_366_400_000;
const GARAGE = { ...HOUSE, meter: 'garage' };

const fixture = (version: string) => join(REPOSITORY, `test/fixtures/journal/${version}.db`);

function stateDirOf(version: string, stateDir = temporaryDirectory()): string {
  mkdirSync(stateDir, { recursive: true });
  copyFileSync(fixture(version), join(stateDir, 'journal.db'));
  return stateDir;
}

/** What the script put into each of them. */
const TRUTH: Reading[] = Array.from({ length: 60 }, (_, second) => {
  const timeMs = FIRST_MS + second * 1000;
  const values = { voltage: 230 + second / 100, active_power: second * 10 - 300, third: second / 3 };
  const garage = { series: GARAGE, timeMs, values: { voltage: 229.5 } };
  return [...(second < 30 ? [garage] : []), { series: HOUSE, timeMs, values }];
}).flat();
const GAP = { series: GARAGE, fromMs: FIRST_MS + 30_000, toMs: FIRST_MS + 59_000, cause: 'timeout' };

function pragma(path: string, name: string): unknown {
  const db = new DatabaseSync(path, { readOnly: true });
  try {
    return Object.values(db.prepare(`PRAGMA ${name}`).get() ?? {})[0];
  } finally {
    db.close();
  }
}

test.each(
  VERSIONS,
)('a journal of %s is brought up to date by the collector: values, gaps and positions as before', (version) => {
  const stateDir = stateDirOf(version);
  const journal = open(stateDir);
  expect(journal.cursors.find('influxdb')).toEqual({
    key: FIRST_MS * 1024 + 1,
    late: 0,
    generation: expect.any(Number),
  });
  expect(journal.state.load('learned')).toEqual({ widest: 41 });
  const next = readingAt(FIRST_MS + 60_000);
  journal.append(next, DECIMALS);
  journal.close();
  const { readings, gaps, durable } = readAll(stateDir);
  expect(readings).toEqual([...TRUTH, next]);
  expect(gaps).toEqual([GAP]);
  expect(durable).toHaveLength(TRUTH.length + 1);
  const path = join(stateDir, 'journal.db');
  expect([pragma(path, 'user_version'), pragma(path, 'integrity_check')]).toEqual([4, 'ok']);
  const db = openForWriting(stateDir);
  expect(journalDays(db)).toEqual([{ day: FIRST_MS / 86_400_000 - 0.5, mark: expect.any(Number) }]);
  db.close();
  expect(asideFiles(stateDir)).toEqual([]);
});

test.each(VERSIONS)('a reader refuses a journal of %s, with what to do, and changes nothing', (version) => {
  const stateDir = stateDirOf(version);
  expect(() => new JournalReader(stateDir)).toThrowError(
    expect.objectContaining({
      code: 'storage',
      message: expect.stringMatching(/of an older energy-monitor/),
      hint: expect.stringMatching(/start the collector/),
    }),
  );
  expect(readFileSync(join(stateDir, 'journal.db'))).toEqual(readFileSync(fixture(version)));
});

test('a journal of a newer version is refused, to the collector too, and left alone', () => {
  const stateDir = stateDirOf('v3');
  open(stateDir).close();
  const path = join(stateDir, 'journal.db');
  const db = new DatabaseSync(path);
  db.exec(`PRAGMA user_version = 99; UPDATE state SET value = json_set(value, '$.version', 99) WHERE key = 'file'`);
  db.close();
  const refusal = expect.objectContaining({ code: 'storage', message: expect.stringMatching(/schema version 99/) });
  expect(() => open(stateDir)).toThrowError(refusal);
  expect(() => new JournalReader(stateDir)).toThrowError(refusal);
  expect(asideFiles(stateDir)).toEqual([]);
});

test('a version number that is damaged is no newer version', () => {
  const stateDir = stateDirOf('v3');
  open(stateDir).close();
  const db = new DatabaseSync(join(stateDir, 'journal.db'));
  db.exec('PRAGMA user_version = 7');
  db.close();
  open(stateDir, { salvage: false }).close();
  expect(asideFiles(stateDir)).toHaveLength(1);
});

test('killed at any moment of its migration, a journal is the old one or the new one, and nothing is missing', async () => {
  for (let kill = 0; kill < 8; kill++) {
    const stateDir = stateDirOf('v1');
    const child = runScript(`${REPOSITORY}/test/support/migrating-child.ts`, [stateDir]);
    await child.printed(/opening/);
    await sleep(kill * 2);
    await child.end('SIGKILL');
    expect([1, 4]).toContain(pragma(join(stateDir, 'journal.db'), 'user_version'));
    open(stateDir).close();
    expect(readAll(stateDir)).toMatchObject({ readings: TRUTH, gaps: [GAP] });
  }
});

test('a migration for which the disk has no room leaves the old journal as it was; collecting goes on, and it comes later', async (context) => {
  requireMounts(context);
  const disk = await SmallDisk.mount(1);
  stateDirOf('v1', disk.outside('state'));
  disk.fill();
  const runtime = temporaryDirectory();
  const script = [`${REPOSITORY}/test/support/small-journal.ts`, disk.directory.concat('/state'), 'flush', '1', '5'];
  const run = () => runScriptOn(disk, script, runtime);
  const full = await run();
  expect(full.messages).toContainEqual(expect.stringMatching(/full/));
  const old = copied(disk);
  expect([pragma(join(old, 'journal.db'), 'user_version'), readFileSync(join(old, 'journal.db')).length]).toEqual([
    1,
    readFileSync(fixture('v1')).length,
  ]);
  disk.free();
  const freed = await run();
  expect(freed.times.slice(0, 5)).toEqual([1000, 2000, 3000, 4000, 5000]);
  const reader = new JournalReader(copied(disk));
  expect(reader.readings({ ...ALL, fromMs: FIRST_MS })).toEqual(TRUTH);
  reader.close();
});

/** Where there is room to look at it. */
function copied(disk: SmallDisk): string {
  const copy = temporaryDirectory();
  for (const name of ['journal.db', 'journal.db-wal']) {
    const path = disk.outside(join('state', name));
    if (existsSync(path)) copyFileSync(path, join(copy, name));
  }
  return copy;
}

async function runScriptOn(disk: SmallDisk, args: string[], runtime: string) {
  const [program, all] = disk.command('env', [
    `RUNTIME_DIRECTORY=${runtime}`,
    process.execPath,
    '--disable-warning=ExperimentalWarning',
    ...args,
  ]);
  const child = runProgram(program, all);
  await child.ended;
  if (child.errors() !== '') throw new Error(child.errors());
  return JSON.parse(child.output()) as { times: number[]; messages: string[] };
}
