import { execFileSync } from 'node:child_process';
import { chownSync, closeSync, copyFileSync, openSync, readdirSync, readFileSync, statSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { expect, onTestFinished, test } from 'vitest';
import { checkJournal } from '../../agent/journal/check.ts';
import { openForReading, openForWriting } from '../../agent/journal/database.ts';
import { PAGE_BYTES } from '../../agent/journal/salvage/page.ts';
import { asideFiles } from '../../agent/journal/set-aside.ts';
import { REPOSITORY } from '../support/child.ts';
import { damagedCopy, everything, makeTemplate } from '../support/damaged-journal.ts';
import { NOBODY } from '../support/nobody.ts';
import { open } from '../support/open-journal.ts';
import { DECIMALS, readingAt } from '../support/readings.ts';
import { recordingLog } from '../support/silent-log.ts';
import { temporaryDirectory } from '../support/temporary.ts';

/** A collector is started, twice: what one start makes of the file, the next one has to take as it is. */
function startTwice(stateDir: string): void {
  for (let start = 0; start < 2; start++) open(stateDir, { salvage: false }).close();
}

function execute(stateDir: string, sql: string): void {
  const db = new DatabaseSync(join(stateDir, 'journal.db'));
  db.exec(sql);
  db.close();
}

test.each([
  ['VACUUM'],
  ['ANALYZE'],
  ['CREATE INDEX mine ON reading (layout); DROP INDEX mine; VACUUM'],
  ['CREATE INDEX mine ON reading (layout)'],
  ['CREATE VIEW mine AS SELECT key / 1024 AS time FROM reading'],
])('what a person does to it with another program is no damage: %s', (sql) => {
  const { stateDir, readings } = makeTemplate(temporaryDirectory(), 100);
  execute(stateDir, sql);
  startTwice(stateDir);
  expect(asideFiles(stateDir)).toEqual([]);
  expect(everything(stateDir).readings).toHaveLength(readings.size);
  expect(checkJournal(stateDir)).toMatchObject({ problems: [], readings: readings.size });
});

test.each([
  ['a trigger that is gone', 'DROP TRIGGER reading_insert'],
  ['an index that is gone', 'DROP INDEX held_time'],
])('%s is no such thing', (_, sql) => {
  const { stateDir } = makeTemplate(temporaryDirectory(), 100);
  execute(stateDir, sql);
  open(stateDir, { salvage: false }).close();
  expect(asideFiles(stateDir)).toHaveLength(1);
});

test('a journal whose readings are all taken back, to be placed anew, is as it should be', () => {
  const { stateDir } = makeTemplate(temporaryDirectory(), 300);
  execute(stateDir, 'DELETE FROM reading');
  startTwice(stateDir);
  expect(asideFiles(stateDir)).toEqual([]);
});

test('the one that begins where no reading could be taken over is set aside no more', () => {
  const { stateDir } = makeTemplate(temporaryDirectory(), 600);
  const db = openForReading(stateDir);
  const root = Number(db.prepare("SELECT rootpage FROM sqlite_schema WHERE name = 'reading'").get()?.rootpage);
  db.close();
  const fd = openSync(join(stateDir, 'journal.db'), 'r+');
  writeSync(fd, Buffer.alloc(PAGE_BYTES, 0x55), 0, PAGE_BYTES, (root - 1) * PAGE_BYTES);
  closeSync(fd);
  startTwice(stateDir);
  expect(asideFiles(stateDir)).toHaveLength(1);
});

test('what a transaction left in the write-ahead file that was rolled back is no commit that was cut off', () => {
  const live = temporaryDirectory();
  const stateDir = temporaryDirectory();
  const journal = open(live, { salvage: false, commitIntervalMs: 0 });
  onTestFinished(() => journal.close());
  journal.append(readingAt(1000), DECIMALS);
  journal.flush();
  const other = openForWriting(live);
  // More than its cache: as an import, or what a full disk refused.
  other.exec('PRAGMA cache_size = 10; BEGIN IMMEDIATE');
  const insert = other.prepare('INSERT INTO state (key, value) VALUES (?, ?)');
  for (let i = 0; i < 2000; i++) insert.run(`x${i}`, JSON.stringify('y'.repeat(500)));
  other.exec('ROLLBACK');
  other.close();
  journal.append(readingAt(2000), DECIMALS);
  journal.flush();
  const { size } = statSync(join(live, 'journal.db-wal'));
  expect(size).toBeGreaterThan(100 * PAGE_BYTES);
  for (const name of ['journal.db', 'journal.db-wal']) copyFileSync(join(live, name), join(stateDir, name));
  const { log, lines } = recordingLog();
  open(stateDir, { salvage: false, log }).close();
  expect(asideFiles(stateDir)).toEqual([]);
  expect(lines.filter(({ level }) => Number(level) > 30)).toEqual([]);
  expect(everything(stateDir).readings).toHaveLength(2);
});

test.each([
  'plain',
  'disk',
  'openhab',
  'busy',
])('a journal of a newer version is refused and left alone, below %s as well', (name) => {
  const stateDir = join(temporaryDirectory(), name);
  open(stateDir, { salvage: false }).close();
  execute(
    stateDir,
    "PRAGMA user_version = 9; UPDATE state SET value = json_set(value, '$.version', 9) WHERE key = 'file'",
  );
  const before = readFileSync(join(stateDir, 'journal.db'));
  expect(() => open(stateDir, { salvage: false })).toThrow(
    expect.objectContaining({ code: 'storage', message: expect.stringMatching(/has schema version 9/) }),
  );
  expect(asideFiles(stateDir)).toEqual([]);
  expect(readFileSync(join(stateDir, 'journal.db')).equals(before)).toBe(true);
});

test('a write-ahead file that another user has left is no damage', (context) => {
  context.skip(process.getuid?.() !== 0, 'only root can give files to others');
  const template = makeTemplate(temporaryDirectory(), 100, true);
  const stateDir = temporaryDirectory();
  damagedCopy(template, stateDir, () => undefined);
  const collect = () => {
    const child = ['--disable-warning=ExperimentalWarning', `${REPOSITORY}/test/support/nobody-child.ts`, stateDir];
    return JSON.parse(execFileSync(process.execPath, child, { encoding: 'utf8' })) as string[];
  };
  for (const file of [stateDir, join(stateDir, 'journal.db')]) chownSync(file, NOBODY, NOBODY);
  expect(collect()).toEqual([expect.stringMatching(/^no permission to use/)]);
  expect(asideFiles(stateDir)).toEqual([]);
  for (const name of readdirSync(stateDir)) chownSync(join(stateDir, name), NOBODY, NOBODY);
  expect(collect()).toEqual([]);
  expect(everything(stateDir).readings).toHaveLength(template.readings.size);
});
