import {
  closeSync,
  existsSync,
  openSync,
  readdirSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { expect, test } from 'vitest';
import { historyPath } from '../../agent/history/database.ts';
import { History } from '../../agent/history/history.ts';
import { type PassMessage, runPass } from '../../agent/history/pass.ts';
import { DamagedJournal } from '../../agent/journal/damage.ts';
import { damageTold } from '../../agent/journal/damage-note.ts';
import { journalPath } from '../../agent/journal/database.ts';
import { runtimeDirectory } from '../../agent/journal/runtime-directory.ts';
import { commit, FOR_EVER, keepUp, openHistory } from '../support/history.ts';
import { temporaryDirectory } from '../support/temporary.ts';
import { expectRight, type FuzzCase, someReadings } from './fuzz.ts';

const CASE: FuzzCase = { zone: 'Europe/Berlin', fromMs: Date.parse('2026-05-01T00:00Z'), hours: 30, seed: 3 };
const OPTIONS = { timeZone: CASE.zone, retention: FOR_EVER };
const READINGS = someReadings(CASE);
const SPAN = { fromMs: CASE.fromMs, toMs: CASE.fromMs + CASE.hours * 3_600_000 };

function prepared(): string {
  const stateDir = temporaryDirectory();
  commit(stateDir, READINGS);
  keepUp(stateDir);
  return stateDir;
}

const DAMAGES: Record<string, (path: string) => void> = {
  'noise instead of a database': (path) => writeFileSync(path, 'noise '.repeat(1000)),
  'a file of no bytes': (path) => truncateSync(path, 0),
  'its end gone': (path) => truncateSync(path, Math.floor(statSync(path).size / 8192) * 4096),
  'pages overwritten': (path) => {
    const fd = openSync(path, 'r+');
    for (let page = 4; page < 40; page++) writeSync(fd, Buffer.alloc(4096, 0xaa), 0, 4096, page * 4096);
  },
  'another database': (path) => {
    rmSync(path);
    const db = new DatabaseSync(path);
    db.exec('CREATE TABLE mine (a)');
    db.close();
  },
};

test.for(
  Object.keys(DAMAGES),
)('a history with %s is set aside and made anew from the journal, and that is said', async (name) => {
  const stateDir = prepared();
  DAMAGES[name]?.(historyPath(stateDir));
  // Everything comes again: that finds what is damaged.
  const journal = new DatabaseSync(journalPath(stateDir));
  journal.exec("UPDATE cursor SET key = 0 WHERE consumer = 'history'");
  journal.close();
  const said: PassMessage[] = [];
  await runPass({ stateDir, ...OPTIONS }, (message) => said.push(message));
  expectRight(openHistory(stateDir), READINGS, CASE);
  const aside = readdirSync(stateDir).filter((file) => file.startsWith('history.db.damaged-'));
  const isEmpty = name === 'a file of no bytes';
  expect(said.map(({ level, text }) => [level, text.slice(0, 22)])).toEqual(
    isEmpty ? [] : [['error', 'the history is damaged']],
  );
  expect(aside).toHaveLength(isEmpty ? 0 : 1);
});

test.for([
  'pages overwritten',
  'noise instead of a database',
])('a journal with %s is the collector’s, who is told; the history stays where it is', async (name) => {
  const stateDir = prepared();
  const before = openHistory(stateDir).points({ ...SPAN, meter: 'house' }, 'hour');
  const journal = new DatabaseSync(journalPath(stateDir));
  journal.exec("UPDATE cursor SET key = 0 WHERE consumer = 'history'");
  journal.exec('PRAGMA wal_checkpoint(TRUNCATE)');
  journal.close();
  DAMAGES[name]?.(journalPath(stateDir));
  const said: PassMessage[] = [];
  const pass = runPass({ stateDir, ...OPTIONS }, (message) => said.push(message));
  await expect(pass).rejects.toThrow(DamagedJournal);
  expect(said).toEqual([]);
  expect(damageTold(runtimeDirectory(stateDir).path, stateDir)).toBeInstanceOf(DamagedJournal);
  expect(() => openHistory(stateDir).points({ ...SPAN, meter: 'house' }, 'minute')).toThrow(DamagedJournal);
  // The collector begins a new one.
  rmSync(journalPath(stateDir));
  commit(stateDir, []);
  await runPass({ stateDir, ...OPTIONS }, (message) => said.push(message));
  expect(said).toEqual([]);
  expect(openHistory(stateDir).points({ ...SPAN, meter: 'house' }, 'hour')).toEqual(before);
});

test('who reads a damaged history is told, and what to do', () => {
  const stateDir = prepared();
  writeFileSync(historyPath(stateDir), 'noise '.repeat(1000));
  expect(() => new History(stateDir)).toThrow(
    expect.objectContaining({ code: 'storage', hint: expect.stringMatching(/the collector sets it aside/) }),
  );
});

test('a row of the journal that cannot be read is left out, and said; all others count', async () => {
  const stateDir = temporaryDirectory();
  commit(stateDir, READINGS);
  const journal = new DatabaseSync(journalPath(stateDir));
  journal.exec("UPDATE reading SET data = x'ff' WHERE key = (SELECT key FROM reading ORDER BY key LIMIT 1 OFFSET 100)");
  const { key } = journal.prepare("SELECT key FROM reading WHERE data = x'ff'").get() ?? {};
  journal.close();
  const said: PassMessage[] = [];
  await runPass({ stateDir, ...OPTIONS }, (message) => said.push(message));
  expect(said).toEqual([expect.objectContaining({ level: 'error', details: expect.objectContaining({ key }) })]);
  const lostMs = Math.floor(Number(key) / 1024);
  expectRight(
    openHistory(stateDir),
    READINGS.filter(({ timeMs }) => timeMs !== lostMs),
    CASE,
  );
});

test('a journal that came back older, or anew, is taken again; what the history knows stays', () => {
  const stateDir = prepared();
  for (const end of ['', '-wal', '-shm']) rmSync(`${journalPath(stateDir)}${end}`, { force: true });
  const later = someReadings({ ...CASE, fromMs: CASE.fromMs + 60 * 86_400_000, hours: 5 });
  // Not of the meter: its counter would tell what it counted meanwhile.
  const others = later.filter(({ series }) => series.meter !== 'house').slice(0, 50);
  commit(stateDir, others);
  expectRight(openHistory(stateDir), READINGS, CASE);
  keepUp(stateDir);
  expectRight(openHistory(stateDir), READINGS, CASE);
  expect(openHistory(stateDir).status().takenMs).toBe(Math.max(...others.map(({ timeMs }) => timeMs)));
});

const DAY = 86_400_000;
const HISTORY_ASIDE = /^history\.db\.damaged-/;

/** Pages of readings that the history has not taken yet, overwritten under it. */
function damageNewest(stateDir: string): void {
  const later = someReadings({ ...CASE, fromMs: CASE.fromMs + 60 * 86_400_000, hours: 40, seed: 9 });
  commit(stateDir, later);
  const path = journalPath(stateDir);
  const fd = openSync(path, 'r+');
  const pages = Math.floor(statSync(path).size / 4096);
  for (let page = pages - 30; page < pages - 5; page++) writeSync(fd, Buffer.alloc(4096, 0x55), 0, 4096, page * 4096);
  closeSync(fd);
}

test.for([
  ['its newest pages are noise', damageNewest],
  ['its header is noise', (stateDir: string) => writeFileSync(journalPath(stateDir), 'noise '.repeat(1000))],
] as const)('a journal that is damaged (%s) costs the history nothing, and its collector is told', async ([
  ,
  damage,
]) => {
  const stateDir = prepared();
  damage(stateDir);
  const said: PassMessage[] = [];
  const pass = runPass({ stateDir, ...OPTIONS }, (message) => said.push(message));
  await expect(pass).rejects.toThrow(
    expect.objectContaining({ message: expect.stringMatching(/^journal .* is damaged/) }),
  );
  expect(readdirSync(stateDir).filter((name) => HISTORY_ASIDE.test(name))).toEqual([]);
  expect(said).toEqual([]);
  expect(existsSync(join(runtimeDirectory(stateDir).path, 'journal.damaged'))).toBe(true);
});

test('who asks a history whose journal is damaged hears that it is the journal', () => {
  const stateDir = prepared();
  damageNewest(stateDir);
  const history = openHistory(stateDir);
  expect(() => history.points({ fromMs: CASE.fromMs, toMs: CASE.fromMs + 90 * 86_400_000 }, 'day')).toThrow(
    expect.objectContaining({ message: expect.stringMatching(/^journal .* is damaged/) }),
  );
});

test('a key in the journal whose meter nobody knows is left out, and said; the history goes on', async () => {
  const stateDir = prepared();
  const later = someReadings({ ...CASE, fromMs: CASE.fromMs + 60 * 86_400_000, hours: 2, seed: 9 });
  commit(stateDir, later);
  const journal = new DatabaseSync(journalPath(stateDir));
  const damaged = journal.prepare('SELECT key FROM reading ORDER BY key DESC LIMIT 1 OFFSET 20').get();
  journal.prepare('UPDATE reading SET key = key + 512 WHERE key = ?').run(Number(damaged?.key));
  journal.close();
  const said: PassMessage[] = [];
  const shown = openHistory(stateDir);
  expect(shown.points({ fromMs: 0, toMs: Number(damaged?.key) / 1024 + DAY }, 'day').length).toBeGreaterThan(0);
  await runPass({ stateDir, ...OPTIONS }, (message) => said.push(message));
  expect(said.map(({ text }) => text)).toContain('a reading in the journal cannot be read; the history is without it');
  expect(readdirSync(stateDir).filter((name) => HISTORY_ASIDE.test(name))).toEqual([]);
  expect(openHistory(stateDir).status().takenMs).toBe(Math.max(...later.map(({ timeMs }) => timeMs)));
});
