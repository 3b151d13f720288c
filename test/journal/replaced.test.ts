import {
  closeSync,
  linkSync,
  mkdirSync,
  openSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { checkJournal } from '../../agent/journal/check.ts';
import { guardedReads } from '../../agent/journal/damage-note.ts';
import { journalFile, openForReading } from '../../agent/journal/database.ts';
import { deliver } from '../../agent/journal/inbox.ts';
import type { Journal } from '../../agent/journal/journal.ts';
import { JournalReader } from '../../agent/journal/reader.ts';
import { JournalRestorer } from '../../agent/journal/restorer.ts';
import { runtimeDirectory } from '../../agent/journal/runtime-directory.ts';
import { PAGE_BYTES } from '../../agent/journal/salvage/page.ts';
import { asideFiles } from '../../agent/journal/set-aside.ts';
import { damagedCopy, everything, FIRST_MS, makeTemplate, salvageAll } from '../support/damaged-journal.ts';
import { ALL, open } from '../support/open-journal.ts';
import { DECIMALS, readingAt } from '../support/readings.ts';
import { temporaryDirectory } from '../support/temporary.ts';

const LATER_MS = FIRST_MS + 86_400_000;

/** What a reader says that has found damage: with the next flush the collector sets the file aside. */
function tellDamage(journal: Journal, stateDir: string): void {
  writeFileSync(join(journal.runtime.path, 'journal.damaged'), journalFile(stateDir) ?? '');
}

test('readers and short-lived processes find tail and inbox of a collector that has replaced its journal', () => {
  const { stateDir } = makeTemplate(temporaryDirectory(), 50);
  const journal = open(stateDir, { salvage: false });
  onTestFinished(() => journal.close());
  tellDamage(journal, stateDir);
  journal.append(readingAt(LATER_MS), DECIMALS);
  journal.flush();
  expect(asideFiles(stateDir)).toHaveLength(1);
  journal.append(readingAt(LATER_MS + 1000), DECIMALS);
  const reader = new JournalReader(stateDir);
  onTestFinished(() => reader.close());
  expect(reader.runtimeDirectory()).toBe(journal.runtime.path);
  expect(reader.readings(ALL).map(({ timeMs }) => timeMs)).toContain(LATER_MS + 1000);
  deliver(stateDir, [{ kind: 'reading', reading: readingAt(LATER_MS + 5000), decimals: DECIMALS }]);
  const db = openForReading(stateDir);
  onTestFinished(() => db.close());
  expect(db.prepare('SELECT 1 FROM reading WHERE key / 1024 = ?').get(LATER_MS + 5000)).toBeUndefined();
});

test('a note about damage that cannot be read does not end the collector', () => {
  const { stateDir } = makeTemplate(temporaryDirectory(), 20);
  const journal = open(stateDir, { salvage: false });
  onTestFinished(() => journal.close());
  mkdirSync(join(journal.runtime.path, 'journal.damaged'));
  journal.append(readingAt(LATER_MS), DECIMALS);
  journal.flush();
  expect(everything(stateDir).readings.map(({ timeMs }) => timeMs)).toContain(LATER_MS);
});

test('what a reader with another umask has found, the collector can read', () => {
  const { stateDir } = makeTemplate(temporaryDirectory(), 20);
  const umask = process.umask(0o077);
  onTestFinished(() => void process.umask(umask));
  const damaged = Object.assign(new Error('database disk image is malformed'), { errcode: 11 });
  const read = () =>
    guardedReads(stateDir)(() => {
      throw damaged;
    });
  expect(read).toThrow(/is damaged/);
  expect(statSync(join(runtimeDirectory(stateDir).path, 'journal.damaged')).mode & 0o777).toBe(0o644);
});

test('what was held when the journal was replaced gets its times once it is salvaged', async () => {
  const { stateDir } = makeTemplate(temporaryDirectory(), 50);
  const journal = open(stateDir);
  onTestFinished(() => journal.close());
  journal.setClock(undefined);
  const held = { boot: 'b', offsetMs: 1000, gridMs: 1000 };
  for (let i = 0; i < 5; i++) journal.append(readingAt(i * 1000), DECIMALS, held);
  // In the old file, and not in the spool any more.
  journal.setClock(undefined);
  for (let flush = 0; flush < 70; flush++) {
    journal.append(readingAt(LATER_MS - 100_000 + flush * 1000), DECIMALS);
    journal.flush();
  }
  tellDamage(journal, stateDir);
  journal.flush();
  expect(asideFiles(stateDir)).toHaveLength(1);
  journal.setClock({ boot: 'b', offsetMs: 1000 + LATER_MS, confirmed: true });
  const placed = () => {
    journal.flush();
    const times = everything(stateDir).readings.map(({ timeMs }) => timeMs);
    return times.filter((timeMs) => timeMs >= LATER_MS).length;
  };
  await expect.poll(placed, { timeout: 20_000, interval: 50 }).toBe(5);
});

test('a restore beside the write-ahead file of a journal that is gone keeps that, and it is salvaged', () => {
  const { stateDir, readings } = makeTemplate(temporaryDirectory(), 100, true);
  rmSync(join(stateDir, 'journal.db'));
  const restorer = new JournalRestorer(stateDir, 1);
  restorer.addState({ cursor: [], quarantine: [], late: [], state: [] });
  restorer.finish();
  expect(asideFiles(stateDir)).toHaveLength(1);
  salvageAll(stateDir);
  expect(everything(stateDir).readings).toHaveLength(readings.size);
});

test('what a check finds where no collector looks, the collector sets aside', () => {
  const { stateDir } = makeTemplate(temporaryDirectory(), 1000);
  const db = openForReading(stateDir);
  const pages = Number(db.prepare('PRAGMA page_count').get()?.page_count);
  db.close();
  const fd = openSync(join(stateDir, 'journal.db'), 'r+');
  writeSync(fd, Buffer.alloc(PAGE_BYTES, 0x55), 0, PAGE_BYTES, Math.floor(pages / 2) * PAGE_BYTES);
  closeSync(fd);
  open(stateDir, { salvage: false }).close();
  expect(asideFiles(stateDir)).toEqual([]);
  expect(checkJournal(stateDir).problems.length).toBeGreaterThan(0);
  const journal = open(stateDir, { salvage: false });
  onTestFinished(() => journal.close());
  journal.flush();
  expect(asideFiles(stateDir)).toHaveLength(1);
});

/** What setAside() does, one after the other. */
const STEPS: ((path: string, aside: string) => void)[] = [
  (path, aside) => linkSync(`${path}-wal`, `${aside}-wal`),
  (path, aside) => renameSync(path, aside),
  (path) => rmSync(`${path}-wal`),
];

test.each([0, 1, 2, 3])('cut off after %i steps of setting aside, the next start loses nothing', (steps) => {
  const template = makeTemplate(temporaryDirectory(), 300, true);
  const stateDir = temporaryDirectory();
  damagedCopy(template, stateDir, () => undefined);
  const path = join(stateDir, 'journal.db');
  for (const step of STEPS.slice(0, steps)) step(path, `${path}.damaged-20260301T120000Z`);
  const journal = open(stateDir, { salvage: false });
  journal.append(readingAt(LATER_MS), DECIMALS);
  journal.close();
  salvageAll(stateDir);
  const { readings, gaps } = everything(stateDir);
  expect(readings).toHaveLength(template.readings.size + 1);
  expect(gaps).toEqual(template.gaps);
  open(stateDir, { salvage: false }).close();
  salvageAll(stateDir);
  expect(everything(stateDir).readings).toHaveLength(template.readings.size + 1);
});
