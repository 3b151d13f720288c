import { existsSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { DirectoryStore } from '../../agent/backup/directory-store.ts';
import { mergeJournal, restoreJournal } from '../../agent/backup/restore/journal.ts';
import { SnapshotReader } from '../../agent/backup/snapshot-reader.ts';
import { HistorySource } from '../../agent/backup/sources/history.ts';
import { historyPath } from '../../agent/history/database.ts';
import { HISTORY_CONSUMER } from '../../agent/journal/cursors.ts';
import { journalPath, openForWriting } from '../../agent/journal/database.ts';
import { applyRetention } from '../../agent/journal/retention.ts';
import type { Reading } from '../../agent/readings/reading.ts';
import { expectRight, type FuzzCase, someReadings } from '../history/fuzz.ts';
import { backUp, openRepository } from '../support/backups.ts';
import { commit, keepUp, openHistory } from '../support/history.ts';
import { temporaryDirectory } from '../support/temporary.ts';

const HOUR_MS = 3_600_000;
const CASE: FuzzCase = { zone: 'Europe/Berlin', fromMs: Date.parse('2026-05-01T00:00Z'), hours: 90, seed: 12 };
const READINGS = someReadings(CASE);
const END_MS = CASE.fromMs + CASE.hours * HOUR_MS;

/** Lets the journal forget all but the last hours. */
function forget(stateDir: string): void {
  const db = openForWriting(stateDir);
  while (applyRetention(db, { maxAgeMs: 5 * HOUR_MS, takenBy: HISTORY_CONSUMER }, END_MS).deleted > 0);
  db.close();
}

/** A state directory whose older readings are roll-ups alone, and its backup. */
async function prepared(readings: readonly Reading[] = READINGS) {
  const stateDir = temporaryDirectory();
  commit(stateDir, readings);
  keepUp(stateDir);
  forget(stateDir);
  const store = await DirectoryStore.open(temporaryDirectory());
  const run = (nowMs = END_MS) => backUp(stateDir, store, { sources: [new HistorySource(stateDir, nowMs)], nowMs });
  const snapshotOf = async (name: string) => SnapshotReader.open(await openRepository(store), name);
  const { name } = await run();
  return { stateDir, store, run, snapshot: await snapshotOf(name), snapshotOf };
}

test('the history comes back beside the journal, with what the journal has let go, and is kept up from there', async () => {
  const { snapshot } = await prepared();
  expect(snapshot.files('history/').map(({ path }) => path)).toContain('history/2026-05-02');
  const target = temporaryDirectory();
  const { rollups, damaged } = await restoreJournal(snapshot, target);
  expect(damaged).toEqual([]);
  expect(rollups).toBeGreaterThan(90 * 60);
  expectRight(openHistory(target, CASE.zone), READINGS, CASE);
  keepUp(target);
  expectRight(openHistory(target), READINGS, CASE);
  expect(readdirSync(target).filter((name) => name.includes('restoring'))).toEqual([]);
});

test('an hourly backup sends the new hour, not the day; a day that is as it was is not read', async () => {
  const early = READINGS.filter(({ timeMs }) => timeMs < END_MS - HOUR_MS);
  const { stateDir, run } = await prepared(early);
  // What it sends is the list of files.
  const same = await run(END_MS - HOUR_MS);
  expect(same.sentBytes).toBeLessThan(10_000);
  commit(stateDir, READINGS.slice(early.length));
  keepUp(stateDir);
  const { sentBytes } = await run();
  // 60 minutes of three series, and as many readings of the journal; all days together are 75 times as much.
  expect(sentBytes).toBeLessThan(30_000);
});

test('a damaged file of the history ends the restore, with nothing there; without it the rest comes back', async () => {
  const { snapshot, store } = await prepared();
  writeFileSync(join(store.label, snapshot.file('history/2026-05-02')?.objects[0]?.name ?? ''), 'noise');
  const target = temporaryDirectory();
  await expect(restoreJournal(snapshot, target)).rejects.toMatchObject({
    message: expect.stringMatching(/^history\/2026-05-02 of backup 1/),
  });
  expect([existsSync(journalPath(target)), existsSync(historyPath(target))]).toEqual([false, false]);
  const { damaged } = await restoreJournal(snapshot, target, { skipDamaged: true });
  expect(damaged).toEqual([expect.stringMatching(/history\/2026-05-02/)]);
  keepUp(target);
  const day = Date.parse('2026-05-02T00:00Z');
  const isThere = ({ timeMs }: Reading) => timeMs < day || timeMs >= day + 24 * HOUR_MS;
  const [hours] = openHistory(target).points({ fromMs: CASE.fromMs, toMs: END_MS, meter: 'house' }, 'hour', [
    'voltage',
  ]);
  const found = hours?.points.reduce((sum, { count }) => sum + count, 0);
  expect(found).toBe(READINGS.filter((reading) => reading.series.meter === 'house' && isThere(reading)).length);
});

test('merged into a history that is there, roll-ups that are missing come, and what it knows better stays', async () => {
  const isMissing = ({ timeMs }: Reading) => Math.floor(timeMs / (7 * HOUR_MS)) % 3 === 1;
  const { snapshot } = await prepared(READINGS.filter((reading) => !isMissing(reading)));
  const other = await prepared(
    READINGS.filter(({ timeMs }) => isMissing({ timeMs } as Reading) || timeMs > CASE.fromMs + 60 * HOUR_MS),
  );
  const { rollups } = await mergeJournal(snapshot, other.stateDir);
  expect(rollups).toBeGreaterThan(1000);
  expectCounts(other.stateDir);
  keepUp(other.stateDir);
  expectCounts(other.stateDir);
  expect((await mergeJournal(snapshot, other.stateDir)).rollups).toBe(0);
});

/** Where both had a part of an hour, minutes are whole, and quarters and hours of the one that knew more. */
function expectCounts(stateDir: string): void {
  const history = openHistory(stateDir, CASE.zone);
  const [house] = history.points({ fromMs: CASE.fromMs, toMs: END_MS, meter: 'house' }, 'minute', ['voltage']);
  const found = new Map(house?.points.map(({ fromMs, count }) => [fromMs, count]));
  const expected = new Map<number, number>();
  for (const { timeMs, series } of READINGS) {
    if (series.meter !== 'house') continue;
    const minute = Math.floor(timeMs / 60_000) * 60_000;
    expected.set(minute, (expected.get(minute) ?? 0) + 1);
  }
  expect(found).toEqual(expected);
}

test('a backup of an older version, without a history, is restored, and the history made of its readings', async () => {
  const stateDir = temporaryDirectory();
  commit(stateDir, READINGS);
  const store = await DirectoryStore.open(temporaryDirectory());
  const { name } = await backUp(stateDir, store);
  const target = temporaryDirectory();
  const result = await restoreJournal(await SnapshotReader.open(await openRepository(store), name), target);
  expect(result).toMatchObject({ rollups: 0, damaged: [] });
  keepUp(target);
  expectRight(openHistory(target), READINGS, CASE);
});
