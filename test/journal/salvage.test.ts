import { copyFileSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { expect, onTestFinished, test } from 'vitest';
import { salvageFile } from '../../agent/journal/salvage/command.ts';
import { findRow } from '../../agent/journal/salvage/found.ts';
import { PAGE_BYTES, readPage } from '../../agent/journal/salvage/page.ts';
import { PageFile } from '../../agent/journal/salvage/page-file.ts';
import { decodeRecord, readVarint } from '../../agent/journal/salvage/record.ts';
import { Salvage } from '../../agent/journal/salvage/salvage.ts';
import { REPOSITORY } from '../support/child.ts';
import { collectFor, everything, FIRST_MS, GARAGE, makeTemplate, nameOf } from '../support/damaged-journal.ts';
import { open } from '../support/open-journal.ts';
import { DECIMALS, readingAt } from '../support/readings.ts';
import { temporaryDirectory } from '../support/temporary.ts';

function salvage(stateDir: string, path: string): Salvage['progress'] {
  const all = new Salvage(stateDir, path);
  try {
    while (all.step());
    return all.progress;
  } finally {
    all.close();
  }
}

const zero = (path: string, pages: readonly number[]) => {
  const file = readFileSync(path);
  for (const page of pages) file.fill(0, (page - 1) * PAGE_BYTES, page * PAGE_BYTES);
  writeFileSync(path, file);
};

function rootsOf(path: string, table: string): number[] {
  const db = new DatabaseSync(path, { readOnly: true });
  try {
    return db
      .prepare('SELECT rootpage FROM sqlite_schema WHERE tbl_name = ? AND rootpage > 0')
      .all(table)
      .map((row) => Number(row.rootpage));
  } finally {
    db.close();
  }
}

test.each([
  [[0x07], 7],
  [[0x81, 0x00], 128],
  [[0x83, 0xa4, 0xb5, 0xc6, 0xd7, 0xe8, 0x79], 14_445_465_433_209],
])('a variable-length integer is read: %j', (bytes, value) => {
  expect(readVarint(Buffer.from(bytes), 0)).toEqual({ value, next: bytes.length });
});

test.each([
  ['a length that goes beyond the end', [0x20, 0x01, 0x05]],
  ['content that is missing', [0x02, 0x06, 0x00]],
  ['content that is left over', [0x02, 0x01, 0x05, 0x06]],
  ['a type that is none', [0x02, 0x0a]],
  ['nothing', []],
])('a record with %s is none', (_, bytes) => {
  expect(decodeRecord(Buffer.from(bytes))).toBeUndefined();
});

test('all columns of a table are read as SQLite reads them, long ones over many pages too', () => {
  const path = join(temporaryDirectory(), 'any.db');
  const db = new DatabaseSync(path);
  db.exec('CREATE TABLE any (id INTEGER PRIMARY KEY, a, b, c, d)');
  const insert = db.prepare('INSERT INTO any VALUES (?, ?, ?, ?, ?)');
  const rows = [
    [1, 0, 1, -1, 127],
    [2, 32_767, -8_388_608, 2_147_483_647, 140_737_488_355_327],
    [3, 9_007_199_254_740_991, 0.5, null, 'text'],
    [4, 'long '.repeat(5000), 'x'.repeat(4061), 'ä'.repeat(2000), ''],
  ];
  for (const row of rows) insert.run(...row);
  db.close();
  const file = new PageFile(path);
  onTestFinished(() => file.close());
  const found = Array.from({ length: file.images }, (_, index) => index)
    .flatMap((index) => readPage(file.image(index) ?? Buffer.alloc(0), file.pageOf(index), (n) => file.page(n)).cells)
    .filter(({ rowid }) => rowid !== undefined)
    .map(({ rowid, payload }) => [rowid, ...(decodeRecord(payload) ?? []).slice(1)])
    .filter((row) => row.length === 5 && row[1] !== 'any');
  expect(found.sort((a, b) => Number(a[0]) - Number(b[0]))).toEqual(rows);
});

test('noise is no page, and costs nothing but itself', () => {
  for (let type = 0; type < 256; type++) {
    const page = Buffer.from(Array.from({ length: PAGE_BYTES }, (_, i) => (i * 31 + type * 17) & 255));
    page[0] = type;
    const rows = readPage(page, 2, () => undefined).cells.map(findRow);
    expect(rows.filter((row) => row !== undefined && row !== 'other')).toEqual([]);
  }
});

test('where table and index of the meters are gone, checksums tell those that are known', () => {
  const { stateDir, readings } = makeTemplate(temporaryDirectory(), 100);
  const path = join(temporaryDirectory(), 'old.db');
  copyFileSync(join(stateDir, 'journal.db'), path);
  zero(path, rootsOf(path, 'series'));
  zero(path, rootsOf(path, 'layout'));
  const fresh = temporaryDirectory();
  const journal = open(fresh);
  // The same quantities of the same meter; the garage's meter is not known here yet.
  journal.append(readingAt(1000), DECIMALS);
  journal.close();
  const ofGarage = [...readings.values()].filter(({ series }) => series.meter === GARAGE.meter).length;
  expect(salvage(fresh, path)).toMatchObject({ readings: readings.size - ofGarage, unknown: expect.any(Number) });
  expect(everything(fresh).readings).toHaveLength(readings.size - ofGarage + 1);
});

test('ids that stand for other meters in the new journal are mapped', () => {
  const { stateDir, readings, gaps } = makeTemplate(temporaryDirectory(), 100);
  const path = join(temporaryDirectory(), 'old.db');
  copyFileSync(join(stateDir, 'journal.db'), path);
  const fresh = temporaryDirectory();
  const journal = open(fresh);
  journal.append({ ...readingAt(1000, { ...GARAGE, meter: 'cellar' }), values: { current: 1 } }, {});
  journal.append(readingAt(2000, GARAGE), DECIMALS);
  journal.close();
  expect(salvage(fresh, path)).toMatchObject({ readings: readings.size, lostPages: 0, lostRows: 0, unknown: 0 });
  const { readings: seen, gaps: seenGaps } = everything(fresh);
  expect(new Map(seen.slice(2).map((reading) => [nameOf(reading), reading]))).toEqual(readings);
  expect(seenGaps).toEqual(gaps);
});

test('what is there already stays; a second salvage brings nothing', () => {
  const { stateDir, readings } = makeTemplate(temporaryDirectory(), 100);
  const path = join(temporaryDirectory(), 'old.db');
  copyFileSync(join(stateDir, 'journal.db'), path);
  const fresh = temporaryDirectory();
  collectFor(fresh, 3);
  expect(salvage(fresh, path)).toMatchObject({ readings: readings.size });
  const again = join(temporaryDirectory(), 'again.db');
  copyFileSync(path, again);
  expect(salvage(fresh, again)).toMatchObject({ readings: 0, gaps: 0, lostRows: 0 });
});

test('readings without checksums, of a journal of before, come back from pages that are whole', () => {
  const path = join(temporaryDirectory(), 'v3.db');
  copyFileSync(join(REPOSITORY, 'test/fixtures/journal/v3.db'), path);
  zero(path, [1]);
  const stateDir = temporaryDirectory();
  expect(salvage(stateDir, path)).toMatchObject({ readings: 90, gaps: 1, lostPages: 1 });
  expect(everything(stateDir).readings[1]).toMatchObject({ values: { voltage: 230, active_power: -300, third: 0 } });
});

test('a file that is not there is said', () => {
  expect(() => new Salvage(temporaryDirectory(), '/nowhere/journal.db')).toThrowError(
    expect.objectContaining({ code: 'storage', message: 'there is no file /nowhere/journal.db' }),
  );
});

test.each([
  ['checkpointed', true],
  ['in the write-ahead file alone', false],
])('what was deleted before does not come back: %s', (_, isCheckpointed) => {
  const { stateDir, readings } = makeTemplate(temporaryDirectory(), 1000);
  const path = join(stateDir, 'journal.db');
  const db = new DatabaseSync(path);
  db.exec(`PRAGMA journal_mode = WAL; PRAGMA wal_autocheckpoint = 0;
    DELETE FROM reading WHERE key >= ${(FIRST_MS + 100_000) * 1024} AND key < ${(FIRST_MS + 800_000) * 1024}`);
  if (isCheckpointed) db.exec('PRAGMA wal_checkpoint(TRUNCATE)');
  const old = join(temporaryDirectory(), 'old.db');
  for (const ending of isCheckpointed ? [''] : ['', '-wal']) copyFileSync(`${path}${ending}`, `${old}${ending}`);
  db.close();
  const left = [...readings.values()].filter(
    ({ timeMs }) => timeMs < FIRST_MS + 100_000 || timeMs >= FIRST_MS + 800_000,
  );
  expect(salvage(temporaryDirectory(), old)).toMatchObject({ readings: left.length, lostRows: 0 });
});

test('another file of the same name is salvaged as well', async () => {
  const [one, two] = [makeTemplate(temporaryDirectory(), 50), makeTemplate(temporaryDirectory(), 150)];
  const stateDir = temporaryDirectory();
  open(stateDir, { salvage: false }).close();
  const byHand = ({ stateDir: from }: typeof one) => salvageFile(stateDir, join(from, 'journal.db'), () => {});
  expect((await byHand(one)).readings).toBe(one.readings.size);
  expect((await byHand(two)).readings).toBe(two.readings.size - one.readings.size);
  expect((await byHand(two)).readings).toBe(two.readings.size - one.readings.size);
  expect(new Set(everything(stateDir).readings.map(nameOf))).toEqual(new Set(two.readings.keys()));
});

test('a write-ahead file that the card does not give back costs itself alone', () => {
  const { stateDir, readings } = makeTemplate(temporaryDirectory(), 100);
  const path = join(temporaryDirectory(), 'old.db');
  copyFileSync(join(stateDir, 'journal.db'), path);
  // Reading its beginning fails with EIO, as a sector that is gone.
  symlinkSync('/proc/self/mem', `${path}-wal`);
  const fresh = temporaryDirectory();
  expect(salvage(fresh, path)).toMatchObject({ readings: readings.size });
});
