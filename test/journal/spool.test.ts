import { readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { expect, onTestFinished, test } from 'vitest';
import { BEGINNING } from '../../agent/journal/cursors.ts';
import { Feed } from '../../agent/journal/feed.ts';
import type { Journal } from '../../agent/journal/journal.ts';
import { JournalReader } from '../../agent/journal/reader.ts';
import { SPOOL_NAME, Spool } from '../../agent/journal/spool.ts';
import { TAIL_NAME, Tail } from '../../agent/journal/tail.ts';
import type { Reading } from '../../agent/readings/reading.ts';
import { seededRandom } from '../../agent/simulator/random.ts';
import { ALL, open, readAll } from '../support/open-journal.ts';
import { DECIMALS, HOUSE, readingAt } from '../support/readings.ts';
import { temporaryDirectory } from '../support/temporary.ts';

const PAGE_BYTES = 4096;

const spoolPath = (stateDir: string) => join(stateDir, SPOOL_NAME);

function flushed(journal: Journal, ...seconds: number[]): void {
  for (const second of seconds) journal.append(readingAt(second * 1000), DECIMALS);
  journal.flush();
}

/** Seconds that a reader sees, and those that a consumer gets. */
function seen(stateDir: string) {
  const { readings, durable } = readAll(stateDir);
  const seconds = (taken: Reading[]) => taken.map(({ timeMs }) => timeMs / 1000);
  return { read: seconds(readings), fed: seconds(durable) };
}

/** A copy of the state as a power cut leaves it: the database and the spool, without what was in memory. */
function afterPowerCut(stateDir: string): string {
  const copy = temporaryDirectory();
  for (const name of ['journal.db', 'journal.db-wal', SPOOL_NAME]) {
    writeFileSync(join(copy, name), readFileSync(join(stateDir, name)));
  }
  // The copied journal knows the place of the original's tail.
  const db = new DatabaseSync(join(copy, 'journal.db'));
  db.exec("DELETE FROM state WHERE key = 'runtimeDirectory'");
  db.close();
  return copy;
}

test('flushes after the first go to the spool and survive a power cut; what came after the last one does not', () => {
  const stateDir = temporaryDirectory();
  const journal = open(stateDir);
  onTestFinished(() => journal.close());
  flushed(journal, 1);
  flushed(journal, 2, 3);
  flushed(journal, 4);
  journal.append(readingAt(5000), DECIMALS);
  expect(Spool.read(spoolPath(stateDir)).batches.map((batch) => batch.length)).toEqual([2, 1]);
  expect(seen(stateDir)).toEqual({ read: [1, 2, 3, 4, 5], fed: [1, 2, 3, 4] });
  const copy = afterPowerCut(stateDir);
  expect(seen(copy)).toEqual({ read: [1, 2, 3, 4], fed: [1, 2, 3, 4] });
  open(copy).close();
  expect(seen(copy)).toEqual({ read: [1, 2, 3, 4], fed: [1, 2, 3, 4] });
});

test('the file keeps its size, and a full one is committed', () => {
  const stateDir = temporaryDirectory();
  const journal = open(stateDir);
  flushed(journal, 1);
  flushed(journal, 2);
  const { size } = statSync(spoolPath(stateDir));
  for (let second = 3; second <= 200; second++) flushed(journal, second);
  expect(statSync(spoolPath(stateDir)).size).toBe(size);
  expect(Spool.read(spoolPath(stateDir)).generation).toBeGreaterThan(2);
  expect(seen(stateDir).read).toHaveLength(200);
  expect(seen(stateDir).fed).toHaveLength(200);
  journal.close();
});

test.each([0, 5, 13, 30, 4095])('a flush torn at byte %i costs that flush alone', (bytes) => {
  const stateDir = temporaryDirectory();
  const journal = open(stateDir);
  onTestFinished(() => journal.close());
  for (const second of [1, 2, 3, 4]) flushed(journal, second);
  const copy = afterPowerCut(stateDir);
  // Second 1 was committed: 2, 3 and 4 have a page each.
  const file = readFileSync(spoolPath(copy));
  const cut = 2 * PAGE_BYTES + bytes;
  const frameBytes = 16 + file.readUInt32LE(2 * PAGE_BYTES + 8);
  file.fill(0xff, cut, 3 * PAGE_BYTES);
  writeFileSync(spoolPath(copy), file);
  expect(seen(copy).read).toEqual(bytes < frameBytes ? [1, 2, 3] : [1, 2, 3, 4]);
  // The next collector writes over it.
  const next = open(copy);
  flushed(next, 5);
  flushed(next, 6);
  next.close();
  expect(seen(copy).read).toEqual(bytes < frameBytes ? [1, 2, 3, 5, 6] : [1, 2, 3, 4, 5, 6]);
});

test('frames of an older generation behind the newest are not taken for its own', () => {
  const stateDir = temporaryDirectory();
  const journal = open(stateDir, { commitIntervalMs: 3_600_000 });
  for (const second of [1, 2, 3, 4]) flushed(journal, second);
  journal.close();
  const again = open(stateDir);
  flushed(again, 5);
  flushed(again, 6);
  expect(Spool.read(spoolPath(stateDir)).batches).toHaveLength(1);
  again.close();
});

test('what is committed is not taken over again: neither what retention deleted, nor gaps a second time', () => {
  const stateDir = temporaryDirectory();
  const journal = open(stateDir);
  flushed(journal, 1);
  const gapAt = (second: number) =>
    journal.appendGap({ series: HOUSE, fromMs: second * 1000, toMs: second * 1000, cause: 'timeout' });
  for (const second of [2, 3, 4]) gapAt(second);
  flushed(journal, 5, 6);
  journal.close();
  const db = new DatabaseSync(join(stateDir, 'journal.db'));
  db.exec('DELETE FROM reading WHERE key < 6000 * 1024');
  db.close();
  open(stateDir).close();
  expect(seen(stateDir).read).toEqual([6]);
  const reader = new JournalReader(stateDir);
  expect(reader.gaps(ALL)).toEqual([{ series: HOUSE, fromMs: 2000, toMs: 4000, cause: 'timeout' }]);
  reader.close();
});

test('a take-over that was itself cut off before its mark is repeated without doubling anything', () => {
  const stateDir = temporaryDirectory();
  const journal = open(stateDir);
  flushed(journal, 1);
  const gapAt = (second: number) =>
    journal.appendGap({ series: HOUSE, fromMs: second * 1000, toMs: second * 1000, cause: 'timeout' });
  for (const second of [2, 3, 4]) gapAt(second);
  flushed(journal, 5);
  gapAt(6);
  flushed(journal, 7);
  journal.close();
  const db = new DatabaseSync(join(stateDir, 'journal.db'));
  db.exec("DELETE FROM state WHERE key = 'spoolGeneration'");
  db.close();
  open(stateDir).close();
  expect(seen(stateDir).read).toEqual([1, 5, 7]);
  const reader = new JournalReader(stateDir);
  expect(reader.gaps(ALL).map(({ fromMs, toMs }) => [fromMs, toMs])).toEqual([
    [2000, 4000],
    [6000, 6000],
  ]);
  reader.close();
});

test('while the database refuses, flushes are durable in the spool, also those of a new meter', () => {
  const stateDir = temporaryDirectory();
  const journal = open(stateDir);
  onTestFinished(() => journal.close());
  flushed(journal, 1);
  const other = new DatabaseSync(join(stateDir, 'journal.db'));
  other.exec('BEGIN IMMEDIATE');
  const garage = { ...HOUSE, meter: 'garage' };
  journal.append(readingAt(2000, garage), DECIMALS);
  journal.flush();
  expect(Spool.read(spoolPath(stateDir)).batches).toHaveLength(1);
  // A meter without an id has no place in the consumers' order yet.
  expect(seen(stateDir)).toEqual({ read: [1, 2], fed: [1] });
  other.exec('ROLLBACK');
  other.close();
  flushed(journal, 3);
  expect(seen(stateDir)).toEqual({ read: [1, 2, 3], fed: [1] });
  journal.append(readingAt(4000, garage), DECIMALS);
  journal.flush();
  expect(seen(stateDir).fed).toEqual([1, 2, 3, 4]);
});

test('a consumer takes from the spool, and after the commit what arrived late behind it', () => {
  const stateDir = temporaryDirectory();
  const journal = open(stateDir);
  const feed = new Feed(stateDir);
  let position = BEGINNING;
  const take = (limit: number) => {
    const taken = feed.after(position, limit);
    position = taken.position;
    return taken.deliveries.map(({ reading }) => reading.timeMs / 1000);
  };
  journal.cursors.set('influx', BEGINNING);
  flushed(journal, 1, 2);
  flushed(journal, 5, 6);
  expect(take(3)).toEqual([1, 2, 5]);
  flushed(journal, 3, 7);
  flushed(journal, 4);
  expect(take(100)).toEqual([6, 7]);
  journal.close();
  expect(take(100)).toEqual([3, 4]);
  expect(take(100)).toEqual([]);
  feed.close();
});

test('two meters whose seconds end in turns are late for nobody within a flush', () => {
  const stateDir = temporaryDirectory();
  const journal = open(stateDir);
  const garage = { ...HOUSE, meter: 'garage' };
  for (let second = 1; second <= 20; second++) {
    journal.append(readingAt(second * 1000, garage), DECIMALS);
    journal.append(readingAt(second * 1000), DECIMALS);
    if (second % 5 === 0) journal.flush();
  }
  journal.close();
  const db = new DatabaseSync(join(stateDir, 'journal.db'), { readOnly: true });
  expect(db.prepare('SELECT count(*) AS n FROM late').get()).toEqual({ n: 0 });
  db.close();
});

test('a spool that is no spool is written over, and the journal goes on', () => {
  const stateDir = temporaryDirectory();
  writeFileSync(spoolPath(stateDir), 'somebody wrote this by mistake');
  const journal = open(stateDir);
  flushed(journal, 1);
  flushed(journal, 2);
  expect(Spool.read(spoolPath(stateDir)).batches).toHaveLength(1);
  journal.close();
  rmSync(spoolPath(stateDir));
  expect(seen(stateDir)).toEqual({ read: [1, 2], fed: [1, 2] });
});

test('what is remembered is loaded at once and saved with the next commit', () => {
  const stateDir = temporaryDirectory();
  const journal = open(stateDir);
  journal.state.remember('limits', { widest: 41 });
  expect(journal.state.load('limits')).toEqual({ widest: 41 });
  const saved = () => {
    const db = new DatabaseSync(join(stateDir, 'journal.db'), { readOnly: true });
    const row = db.prepare("SELECT value FROM state WHERE key = 'limits'").get();
    db.close();
    return row?.value;
  };
  expect(saved()).toBeUndefined();
  flushed(journal, 1);
  expect(saved()).toBe('{"widest":41}');
  journal.close();
});

test('entries of several meters, kinds and layouts come back from the spool as they were, in their order', () => {
  const stateDir = temporaryDirectory();
  const spool = new Spool(spoolPath(stateDir), { generation: 7, end: 0 });
  const garage = { ...HOUSE, meter: 'garage' };
  const gap = { kind: 'gap', gap: { series: garage, fromMs: 1000, toMs: 3000, cause: 'crc' } } as const;
  const reading = (timeMs: number, values: Record<string, number>) =>
    ({ kind: 'reading', reading: { series: HOUSE, timeMs, values }, decimals: DECIMALS }) as const;
  const batches = [
    [reading(1000, { voltage: 230.1 }), gap, reading(2000, { voltage: -0.5, current: 1e-7 })],
    [gap, { kind: 'reading', reading: readingAt(3000, garage), decimals: {} } as const],
  ];
  for (const batch of batches) expect(spool.append(batch)).toBe(true);
  spool.close();
  expect(Spool.read(spoolPath(stateDir))).toMatchObject({ generation: 7, batches });
});

test('a bit that flips in the spool costs the flush that it is in, alone', () => {
  const stateDir = temporaryDirectory();
  const journal = open(stateDir);
  onTestFinished(() => journal.close());
  for (const second of [1, 2, 3, 4, 5, 6]) flushed(journal, second);
  const random = seededRandom(71);
  for (let i = 0; i < 60; i++) {
    const copy = afterPowerCut(stateDir);
    const file = readFileSync(spoolPath(copy));
    // Second 1 was committed: each of the five others has a page.
    const byte = Math.floor(random() * 5 * PAGE_BYTES);
    file[byte] = (file[byte] ?? 0) ^ (1 << Math.floor(random() * 8));
    writeFileSync(spoolPath(copy), file);
    const hit = 2 + Math.floor(byte / PAGE_BYTES);
    const { readings } = readAll(copy);
    for (const reading of readings) expect(reading).toEqual(readingAt(reading.timeMs));
    const kept = readings.map(({ timeMs }) => timeMs / 1000);
    expect([1, 2, 3, 4, 5, 6].filter((second) => second !== hit && !kept.includes(second))).toEqual([]);
    const next = open(copy);
    flushed(next, 9);
    next.close();
    expect(seen(copy).read).toEqual([...kept, 9]);
  }
});

test('a bit that flips in the tail costs the entries of that line, alone', () => {
  const stateDir = temporaryDirectory();
  const journal = open(stateDir);
  onTestFinished(() => journal.close());
  for (let second = 1; second <= 9; second++) journal.append(readingAt(second * 1000), DECIMALS);
  const tail = readFileSync(join(journal.runtime.path, TAIL_NAME));
  const path = join(temporaryDirectory(), TAIL_NAME);
  for (let bit = 0; bit < tail.length * 8; bit += 7) {
    const flipped = Buffer.from(tail);
    flipped[bit >> 3] = (flipped[bit >> 3] ?? 0) ^ (1 << (bit & 7));
    writeFileSync(path, flipped);
    const entries = Tail.read(path);
    expect(entries.length).toBeGreaterThanOrEqual(7);
    for (const entry of entries) {
      if (entry.kind === 'reading') expect(entry.reading).toEqual(readingAt(entry.reading.timeMs));
    }
  }
});
