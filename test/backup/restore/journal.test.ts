import { cpSync, existsSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { expect, test } from 'vitest';
import { DirectoryStore } from '../../../agent/backup/directory-store.ts';
import { recall, remember } from '../../../agent/backup/memory.ts';
import { mergeJournal, restoreJournal } from '../../../agent/backup/restore/journal.ts';
import { SnapshotReader } from '../../../agent/backup/snapshot-reader.ts';
import { journalPath, openForWriting } from '../../../agent/journal/database.ts';
import { CollectorLock } from '../../../agent/journal/lock.ts';
import { JournalReader } from '../../../agent/journal/reader.ts';
import { journalDays } from '../../../agent/journal/segment.ts';
import { backUp, openRepository } from '../../support/backups.ts';
import { fillJournal, secondsFrom } from '../../support/forwarding.ts';
import { open } from '../../support/open-journal.ts';
import { DECIMALS, HOUSE, readingAt } from '../../support/readings.ts';
import { temporaryDirectory } from '../../support/temporary.ts';

const FIRST_S = 1_772_323_200;
const DAY_S = 86_400;
const EVER = { fromMs: 0, toMs: 4e12 };

/** A journal with two meters, gaps, a position and a quarantine, and its snapshot. */
async function prepared() {
  const stateDir = temporaryDirectory();
  for (let day = 0; day < 4; day++) fillJournal(stateDir, secondsFrom(FIRST_S + day * DAY_S + 3600, 50));
  const journal = open(stateDir);
  journal.append(readingAt((FIRST_S + 10) * 1000, { ...HOUSE, meter: 'garage' }), DECIMALS);
  journal.appendGap({
    series: HOUSE,
    fromMs: (FIRST_S + 7200) * 1000,
    toMs: (FIRST_S + 7300) * 1000,
    cause: 'timeout',
  });
  journal.cursors.set('influxdb', { key: 12_345, late: 6 });
  journal.close();
  const db = openForWriting(stateDir);
  db.exec("INSERT INTO quarantine VALUES ('influxdb', 77, 'a line', 'a reason', 5)");
  db.exec("INSERT OR REPLACE INTO state VALUES ('plan/house', '[1,2]'), ('spoolGeneration', '99')");
  db.close();
  const store = await DirectoryStore.open(temporaryDirectory());
  const { name } = await backUp(stateDir, store);
  const snapshot = await SnapshotReader.open(await openRepository(store), name);
  return { stateDir, store, snapshot };
}

function allOf(stateDir: string) {
  const reader = new JournalReader(stateDir);
  const all = { readings: reader.readings(EVER), gaps: reader.gaps(EVER) };
  reader.close();
  const db = new DatabaseSync(journalPath(stateDir), { readOnly: true });
  const rows = (table: string) => db.prepare(`SELECT * FROM ${table}`).all();
  const more = {
    cursors: rows('cursor'),
    quarantine: rows('quarantine'),
    plan: db.prepare("SELECT value FROM state WHERE key = 'plan/house'").all(),
  };
  db.close();
  return { ...all, ...more };
}

test('a journal comes back, value for value, with gaps, positions, quarantine and what was learned; collecting goes on in it', async () => {
  const { stateDir, snapshot } = await prepared();
  const target = temporaryDirectory();
  expect(await restoreJournal(snapshot, target)).toEqual({
    counts: { energy: 201 },
    added: 201,
    rollups: 0,
    damaged: [],
  });
  expect(allOf(target)).toEqual(allOf(stateDir));
  // What is of the old machine's files stays away: the first flushes would be taken for committed.
  const db = openForWriting(target);
  expect(db.prepare("SELECT * FROM state WHERE key = 'spoolGeneration'").all()).toEqual([]);
  expect(journalDays(db).map(({ day }) => day)).toEqual([0, 1, 2, 3].map((day) => FIRST_S / DAY_S + day));
  const mark = journalDays(db)[3]?.mark;
  db.close();
  fillJournal(target, secondsFrom(FIRST_S + 3 * DAY_S + 9000, 5));
  const after = openForWriting(target);
  expect(journalDays(after)[3]?.mark).not.toBe(mark);
  after.close();
  expect(allOf(target).readings).toHaveLength(206);
  expect(readdirSync(target).filter((name) => name.includes('restoring'))).toEqual([]);
});

test('where a journal is, or a collector runs, nothing is restored', async () => {
  const { stateDir, snapshot } = await prepared();
  await expect(restoreJournal(snapshot, stateDir)).rejects.toMatchObject({ hint: expect.stringMatching(/--merge/) });
  const target = temporaryDirectory();
  const lock = CollectorLock.acquire(target);
  await expect(restoreJournal(snapshot, target)).rejects.toMatchObject({ code: 'locked' });
  lock.release();
  await restoreJournal(snapshot, target);
});

test('what is damaged is named, and nothing is there; the rest is, when that is asked for', async () => {
  const { store, snapshot } = await prepared();
  const day = snapshot.file('journal/2026-03-01');
  const object = day?.objects[0]?.name ?? '';
  for (const damage of [
    () => writeFileSync(join(store.label, object), 'noise'),
    () => rmSync(join(store.label, object)),
  ]) {
    damage();
    const target = temporaryDirectory();
    await expect(restoreJournal(snapshot, target)).rejects.toMatchObject({
      code: 'storage',
      message: expect.stringMatching(/^journal\/2026-03-01 of backup 1 is gone or damaged$/),
    });
    expect(existsSync(journalPath(target))).toBe(false);
    const result = await restoreJournal(snapshot, target, { skipDamaged: true });
    expect(result).toMatchObject({ counts: { energy: 150 }, damaged: [expect.stringMatching(/journal\/2026-03-01/)] });
    expect(allOf(target).readings).toHaveLength(150);
  }
});

test('beside a collector that goes on, a snapshot is merged: what is there stays, what is written meanwhile is there afterwards', async () => {
  const { stateDir, snapshot } = await prepared();
  const target = temporaryDirectory();
  const journal = open(target);
  const own = { ...readingAt((FIRST_S + 3600) * 1000), values: { voltage: 1 } };
  journal.append(own, DECIMALS);
  journal.flush();
  const merging = mergeJournal(snapshot, target);
  for (let i = 0; i < 50; i++) {
    journal.append(readingAt((FIRST_S + 10 * DAY_S + i) * 1000), DECIMALS);
    await new Promise((resolve) => setImmediate(resolve));
  }
  const result = await merging;
  journal.close();
  expect(result).toMatchObject({ counts: { energy: 201 }, added: 201, damaged: [] });
  const merged = allOf(target).readings;
  expect(merged).toHaveLength(201 + 50);
  const there = merged.find(({ timeMs, series }) => timeMs === own.timeMs && series.meter === HOUSE.meter);
  expect(there?.values.voltage).toBe(1);
  const rest = (stateDir_: string) =>
    allOf(stateDir_).readings.filter(({ timeMs }) => timeMs !== own.timeMs && timeMs < (FIRST_S + 9 * DAY_S) * 1000);
  expect(rest(target)).toEqual(rest(stateDir));
  expect((await mergeJournal(snapshot, target)).added).toBe(0);
});

test("what lies beside a journal that is gone is not taken for the new one; an empty journal is in nobody's way", async () => {
  const { snapshot } = await prepared();
  const lost = temporaryDirectory();
  fillJournal(lost, secondsFrom(FIRST_S + 20 * DAY_S, 300));
  const held = openForWriting(lost);
  held.exec("INSERT INTO state VALUES ('kept', '1')");
  const target = temporaryDirectory();
  for (const end of ['-wal', '-shm']) cpSync(`${journalPath(lost)}${end}`, `${journalPath(target)}${end}`);
  held.close();
  await restoreJournal(snapshot, target);
  const db = openForWriting(target);
  expect(db.prepare('PRAGMA integrity_check').all()).toEqual([{ integrity_check: 'ok' }]);
  expect(db.prepare('SELECT count(*) AS n FROM reading').get()).toEqual({ n: 201 });
  db.close();
  const empty = temporaryDirectory();
  openForWriting(empty).close();
  expect((await restoreJournal(snapshot, empty)).added).toBe(201);
});

test('what a server had not taken of late readings, and what comes late from now on, it gets', async () => {
  const { stateDir, store } = await prepared();
  const taken = (directory: string) => {
    const db = openForWriting(directory);
    const rows = db.prepare('SELECT seq, key FROM late WHERE seq > (SELECT late FROM cursor) ORDER BY seq').all();
    db.close();
    return rows;
  };
  const db = openForWriting(stateDir);
  const passed = Number(db.prepare('SELECT max(seq) AS seq FROM late').get()?.seq ?? 0);
  db.prepare('UPDATE cursor SET key = 9000000000000000, late = ?').run(passed);
  db.close();
  fillJournal(stateDir, secondsFrom(FIRST_S + 100, 5));
  expect(taken(stateDir)).toHaveLength(5);
  const { name } = await backUp(stateDir, store);
  const target = temporaryDirectory();
  await restoreJournal(await SnapshotReader.open(await openRepository(store), name), target);
  expect(taken(target)).toEqual(taken(stateDir));
  fillJournal(target, secondsFrom(FIRST_S + 200, 7));
  expect(taken(target)).toHaveLength(12);
});

test('readings of a clock that was wrong come back as well', async () => {
  const stateDir = temporaryDirectory();
  fillJournal(stateDir, [10, 20, FIRST_S]);
  const store = await DirectoryStore.open(temporaryDirectory());
  const { name } = await backUp(stateDir, store);
  const target = temporaryDirectory();
  const snapshot = await SnapshotReader.open(await openRepository(store), name);
  expect(await restoreJournal(snapshot, target)).toMatchObject({ counts: { energy: 3 } });
});

test('one damaged part that many backups share is left out, or had from its copy', async () => {
  const { stateDir, store, snapshot } = await prepared();
  const state = snapshot.file('journal/state.json')?.objects[0]?.name ?? '';
  writeFileSync(join(store.label, state), 'noise');
  await expect(restoreJournal(snapshot, temporaryDirectory())).rejects.toMatchObject({ code: 'storage' });
  const result = await restoreJournal(snapshot, temporaryDirectory(), { skipDamaged: true });
  expect(result).toMatchObject({ counts: { energy: 201 }, damaged: [expect.stringMatching(/state\.json/)] });
  // The next backup writes it again under a second name, which heals this one too.
  const repository = await openRepository(store);
  const { id } = repository.config;
  remember(stateDir, id, { ...recall(stateDir, id), damaged: [state] });
  await backUp(stateDir, store);
  expect(await restoreJournal(snapshot, temporaryDirectory())).toMatchObject({ damaged: [] });
});
