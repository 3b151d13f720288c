import { chownSync, mkdirSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { expect, test } from 'vitest';
import { BEGINNING } from '../../agent/journal/cursors.ts';
import { Feed } from '../../agent/journal/feed.ts';
import { deliver } from '../../agent/journal/inbox.ts';
import { Journal } from '../../agent/journal/journal.ts';
import { CollectorLock } from '../../agent/journal/lock.ts';
import { DECIMALS, HOUSE, readingAt } from '../support/readings.ts';
import { recordingLog, silentLog } from '../support/silent-log.ts';
import { temporaryDirectory } from '../support/temporary.ts';

const PI = { ...HOUSE, measurement: 'host', meter: 'pi' };
const entryAt = (timeMs: number) => ({ kind: 'reading', reading: readingAt(timeMs, PI), decimals: DECIMALS }) as const;

function durable(stateDir: string): number[] {
  const feed = new Feed(stateDir);
  const times = feed.after(BEGINNING, 100).deliveries.map(({ reading }) => reading.timeMs);
  feed.close();
  return times;
}

test('without a collector entries are committed at once', () => {
  const stateDir = join(temporaryDirectory(), 'state');
  deliver(stateDir, [entryAt(1000)]);
  deliver(stateDir, [entryAt(2000)]);
  expect(durable(stateDir)).toEqual([1000, 2000]);
  expect(CollectorLock.isHeld(stateDir)).toBe(false);
});

test('while a collector runs they wait in memory for its next flush', () => {
  const stateDir = temporaryDirectory();
  const journal = Journal.open({ stateDir, flushIntervalMs: 3_600_000, log: silentLog });
  expect(CollectorLock.isHeld(stateDir)).toBe(true);
  deliver(stateDir, [entryAt(1000)]);
  deliver(stateDir, [entryAt(2000)]);
  expect(durable(stateDir)).toEqual([]);
  journal.flush();
  expect(durable(stateDir)).toEqual([1000, 2000]);
  expect(readdirSync(join(journal.runtime.path, 'inbox'))).toEqual([]);
  journal.close();
});

test('what was posted when the collector ended is taken at its end or by the next one', () => {
  const stateDir = temporaryDirectory();
  const journal = Journal.open({ stateDir, flushIntervalMs: 3_600_000, log: silentLog });
  deliver(stateDir, [entryAt(1000)]);
  journal.close();
  expect(durable(stateDir)).toEqual([1000]);
});

test('they are taken within the flush interval, also while no meter is read', async () => {
  const stateDir = temporaryDirectory();
  const journal = Journal.open({ stateDir, flushIntervalMs: 20, log: silentLog });
  deliver(stateDir, [entryAt(1000)]);
  await expect.poll(() => durable(stateDir)).toEqual([1000]);
  journal.close();
});

test('what root posts belongs to the collector', (context) => {
  if (process.getuid?.() !== 0) context.skip('only root can give files away');
  const stateDir = temporaryDirectory();
  const journal = Journal.open({ stateDir, flushIntervalMs: 3_600_000, log: silentLog });
  chownSync(journal.runtime.path, 65_534, 65_534);
  deliver(stateDir, [entryAt(1000)]);
  const inbox = join(journal.runtime.path, 'inbox');
  expect(statSync(inbox).uid).toBe(65_534);
  for (const name of readdirSync(inbox)) expect(statSync(join(inbox, name)).uid).toBe(65_534);
  journal.close();
  expect(durable(stateDir)).toEqual([1000]);
});

test('where it cannot be posted it is committed', () => {
  const stateDir = temporaryDirectory();
  const journal = Journal.open({ stateDir, flushIntervalMs: 3_600_000, log: silentLog });
  writeFileSync(join(journal.runtime.path, 'inbox'), 'no directory');
  deliver(stateDir, [entryAt(1000)]);
  expect(durable(stateDir)).toEqual([1000]);
  journal.close();
});

test('an inbox that cannot be read is said once, and taken when it can', () => {
  const stateDir = temporaryDirectory();
  const { log, lines } = recordingLog();
  const journal = Journal.open({ stateDir, flushIntervalMs: 3_600_000, log });
  const inbox = join(journal.runtime.path, 'inbox');
  writeFileSync(inbox, 'no directory');
  journal.flush();
  journal.flush();
  expect(lines.filter(({ msg }) => msg === 'what other processes posted cannot be taken')).toHaveLength(1);
  rmSync(inbox);
  mkdirSync(inbox);
  deliver(stateDir, [entryAt(1000)]);
  journal.flush();
  expect(durable(stateDir)).toEqual([1000]);
  journal.close();
});

test('a post stays until it is durable: while the disk refuses, and after a kill', () => {
  const stateDir = temporaryDirectory();
  const journal = Journal.open({ stateDir, flushIntervalMs: 3_600_000, log: silentLog });
  deliver(stateDir, [entryAt(1000)]);
  const other = new DatabaseSync(join(stateDir, 'journal.db'));
  other.exec('BEGIN IMMEDIATE');
  // The series is new: it cannot wait in the spool.
  mkdirSync(join(stateDir, 'journal.spool'));
  journal.flush();
  expect(readdirSync(join(journal.runtime.path, 'inbox'))).toHaveLength(1);
  rmSync(join(stateDir, 'journal.spool'), { recursive: true });
  other.exec('ROLLBACK');
  other.close();
  journal.flush();
  expect(readdirSync(join(journal.runtime.path, 'inbox'))).toEqual([]);
  expect(durable(stateDir)).toEqual([1000]);
  journal.close();
});

test('a database that another process holds is said in a sentence', () => {
  const stateDir = temporaryDirectory();
  deliver(stateDir, [entryAt(1000)]);
  writeFileSync(join(stateDir, 'journal.db'), 'x'.repeat(4096));
  expect(() => deliver(stateDir, [entryAt(2000)])).toThrowError(expect.objectContaining({ code: 'storage' }));
});
