import { closeSync, existsSync, openSync, readdirSync, readFileSync, writeFileSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect, onTestFinished, test, vi } from 'vitest';
import { damageIn } from '../../agent/journal/damage.ts';
import { journalFile, openForReading, openForWriting } from '../../agent/journal/database.ts';
import { Feed } from '../../agent/journal/feed.ts';
import { whileReplacing } from '../../agent/journal/gate.ts';
import { Importer } from '../../agent/journal/importer.ts';
import { deliver } from '../../agent/journal/inbox.ts';
import { JournalReader } from '../../agent/journal/reader.ts';
import { JournalRestorer } from '../../agent/journal/restorer.ts';
import { PAGE_BYTES } from '../../agent/journal/salvage/page.ts';
import { salvageProgress } from '../../agent/journal/salvage/progress.ts';
import { segment } from '../../agent/journal/segment.ts';
import { asideFiles } from '../../agent/journal/set-aside.ts';
import { REPOSITORY, runScript } from '../support/child.ts';
import {
  collectFor,
  damagedCopy,
  everything,
  FIRST_MS,
  GARAGE,
  LONG_LINE,
  makeTemplate,
  nameOf,
  salvageAll,
  type Template,
} from '../support/damaged-journal.ts';
import { ALL, open, readAll } from '../support/open-journal.ts';
import { DECIMALS, readingAt } from '../support/readings.ts';
import { recordingLog } from '../support/silent-log.ts';
import { temporaryDirectory } from '../support/temporary.ts';

/** The root of the readings' tree; behind it are the leaves. */
function rootOfReadings(stateDir: string): number {
  const db = openForReading(stateDir);
  try {
    return Number(db.prepare("SELECT rootpage FROM sqlite_schema WHERE name = 'reading'").get()?.rootpage);
  } finally {
    db.close();
  }
}

/** Overwrites pages in place, as a failing card does under a running collector. */
function overwrite(stateDir: string, pages: readonly number[]): void {
  const fd = openSync(join(stateDir, 'journal.db'), 'r+');
  for (const page of pages) writeSync(fd, Buffer.alloc(PAGE_BYTES, 0x55), 0, PAGE_BYTES, (page - 1) * PAGE_BYTES);
  closeSync(fd);
}

/** A leaf in the middle, which neither end of the journal shows. */
function overwriteMiddle({ stateDir, images }: Template): number {
  const leaves = images.filter(({ names }) => names.length > 0).map(({ page }) => page);
  const page = leaves.sort((a, b) => a - b)[Math.floor(leaves.length / 2)] ?? 0;
  overwrite(stateDir, [page]);
  return page;
}

const namesIn = (stateDir: string) => new Set(everything(stateDir).readings.map(nameOf));
const damagedNames = (stateDir: string) => readdirSync(stateDir).filter((name) => name.includes('damaged'));

test('damage that shows while it runs: the commit goes into a new journal, with all that waits in memory and spool', () => {
  const stateDir = temporaryDirectory();
  const template = makeTemplate(stateDir, 200);
  const { log, lines } = recordingLog();
  const journal = open(stateDir, { log, salvage: false });
  onTestFinished(() => journal.close());
  const collected = Array.from({ length: 30 }, (_, i) => readingAt(FIRST_MS + 86_400_000 + i * 1000));
  for (const reading of collected.slice(0, 10)) journal.append(reading, DECIMALS);
  journal.flush();
  for (const reading of collected.slice(10, 20)) journal.append(reading, DECIMALS);
  journal.flush();
  overwrite(stateDir, [rootOfReadings(stateDir)]);
  // A commit of another process makes SQLite read its pages anew.
  const other = new DatabaseSync(join(stateDir, 'journal.db'));
  other.exec("INSERT INTO state (key, value) VALUES ('x', '1')");
  other.close();
  for (const reading of collected.slice(20)) journal.append(reading, DECIMALS);
  journal.append(readingAt(FIRST_MS, { ...GARAGE, meter: 'new' }), DECIMALS);
  journal.flush();
  const errors = lines.filter(({ level }) => level === 50);
  expect(errors).toEqual([
    expect.objectContaining({
      msg: expect.stringMatching(/is damaged: .* it is set aside as .*damaged-\d{8}T\d{6}Z, collecting goes on/),
    }),
  ]);
  expect(journal.status).toEqual({ pending: 0, problem: undefined });
  salvageAll(stateDir);
  const names = namesIn(stateDir);
  for (const reading of collected) expect(names).toContain(nameOf(reading));
  for (const name of template.readings.keys()) expect(names).toContain(name);
});

test('damage that only a reader finds: one sentence for it, and the collector sets the file aside', () => {
  const template = makeTemplate(temporaryDirectory(), 600);
  const { stateDir } = template;
  const page = overwriteMiddle(template);
  const journal = open(stateDir, { salvage: false });
  onTestFinished(() => journal.close());
  expect(asideFiles(stateDir)).toEqual([]);
  const reader = new JournalReader(stateDir);
  expect(() => reader.readings(ALL)).toThrowError(
    expect.objectContaining({
      code: 'storage',
      message: expect.stringMatching(/^journal .* is damaged/),
      hint: expect.any(String),
    }),
  );
  reader.close();
  journal.append(readingAt(FIRST_MS + 86_400_000), DECIMALS);
  journal.flush();
  expect(asideFiles(stateDir)).toHaveLength(1);
  salvageAll(stateDir);
  const lost = template.images.filter((image) => image.page === page).flatMap(({ names }) => names);
  const names = namesIn(stateDir);
  expect(names.size).toBe(template.readings.size + 1 - lost.length);
});

test('what was found in a file that is gone already is no reason to set another one aside', () => {
  const template = makeTemplate(temporaryDirectory(), 600);
  const { stateDir } = template;
  overwriteMiddle(template);
  const journal = open(stateDir, { salvage: false });
  onTestFinished(() => journal.close());
  const feed = new Feed(stateDir);
  onTestFinished(() => feed.close());
  const read = () => feed.after({ key: 0, late: 0 }, 10_000);
  expect(read).toThrowError(/is damaged/);
  journal.flush();
  expect(asideFiles(stateDir)).toHaveLength(1);
  // It still has the old file open.
  expect(read).toThrowError(/is damaged/);
  journal.flush();
  expect(asideFiles(stateDir)).toHaveLength(1);
});

test('who still has the old file open neither sees nor disturbs the new one', () => {
  const template = makeTemplate(temporaryDirectory(), 200);
  const { stateDir } = template;
  const oldReader = new JournalReader(stateDir);
  const oldWriter = openForWriting(stateDir);
  const journal = open(stateDir, { salvage: false, commitIntervalMs: 0 });
  journal.append(readingAt(1000), DECIMALS);
  journal.flush();
  writeFileSync(join(journal.runtime.path, 'journal.damaged'), fileNow(stateDir));
  journal.append(readingAt(2000), DECIMALS);
  journal.flush();
  expect(asideFiles(stateDir)).toHaveLength(1);
  oldWriter.exec("INSERT OR REPLACE INTO state (key, value) VALUES ('old', '1')");
  expect(oldReader.readings(ALL)).toHaveLength(template.readings.size + 1);
  // Closing the last connection of a file removes its write-ahead file, by name: not the new one's.
  oldWriter.close();
  oldReader.close();
  expect(existsSync(join(stateDir, 'journal.db-wal'))).toBe(true);
  journal.append(readingAt(3000), DECIMALS);
  journal.flush();
  expect(readAll(stateDir).readings.map(({ timeMs }) => timeMs)).toContain(3000);
  journal.close();
  const check = openForReading(stateDir);
  expect(check.prepare('PRAGMA integrity_check').get()).toEqual({ integrity_check: 'ok' });
  check.close();
});

function fileNow(stateDir: string): string {
  return journalFile(stateDir) ?? '';
}

test('nothing is replaced while somebody is just opening it, and nobody opens while it is replaced', () => {
  const stateDir = temporaryDirectory();
  const journal = open(stateDir);
  onTestFinished(() => journal.close());
  const gate = new DatabaseSync(join(stateDir, 'journal.lock'), { readOnly: true });
  gate.exec('BEGIN; SELECT 1 FROM sqlite_schema');
  expect(whileReplacing(stateDir, () => true)).toBeUndefined();
  gate.close();
  expect(whileReplacing(stateDir, () => true)).toBe(true);
});

test('an import into a journal that is set aside meanwhile says that it has to be run again', () => {
  const { stateDir } = makeTemplate(temporaryDirectory(), 50);
  const importer = new Importer(stateDir);
  onTestFinished(() => importer.close());
  const journal = open(stateDir, { salvage: false });
  onTestFinished(() => journal.close());
  writeFileSync(join(journal.runtime.path, 'journal.damaged'), fileNow(stateDir));
  journal.flush();
  const store = () =>
    importer.store([{ reading: readingAt(5000), decimals: DECIMALS }], { key: undefined, value: () => 0 });
  expect(store).toThrowError(expect.objectContaining({ code: 'storage', hint: expect.stringMatching(/run it again/) }));
});

test('a short-lived process delivers into the new one', () => {
  const { stateDir } = makeTemplate(temporaryDirectory(), 50);
  overwrite(stateDir, [1]);
  expect(() => deliver(stateDir, [{ kind: 'reading', reading: readingAt(5000), decimals: DECIMALS }])).toThrowError(
    expect.objectContaining({ code: 'storage', message: expect.stringMatching(/is damaged/) }),
  );
  open(stateDir, { salvage: false }).close();
  deliver(stateDir, [{ kind: 'reading', reading: readingAt(5000), decimals: DECIMALS }]);
  expect(readAll(stateDir).readings.map(({ timeMs }) => timeMs)).toContain(5000);
});

test('what was set aside is never written over', () => {
  vi.useFakeTimers({ now: new Date('2026-03-01T12:00:00Z'), toFake: ['Date'] });
  onTestFinished(() => void vi.useRealTimers());
  const stateDir = temporaryDirectory();
  for (const content of ['first', 'second', 'third']) {
    writeFileSync(join(stateDir, 'journal.db'), `${content} `.repeat(1000));
    open(stateDir, { salvage: false }).close();
  }
  const [first, second, third] = damagedNames(stateDir).sort();
  expect([first, second, third]).toEqual([
    'journal.db.damaged-20260301T120000Z',
    'journal.db.damaged-20260301T120000Z-2',
    'journal.db.damaged-20260301T120000Z-3',
  ]);
  expect(readFileSync(join(stateDir, second ?? ''), 'utf8')).toMatch(/^second/);
});

test('a card that damages each new file at once does not fill the directory with them', () => {
  const stateDir = temporaryDirectory();
  const journal = open(stateDir, { salvage: false, commitIntervalMs: 0 });
  onTestFinished(() => journal.close());
  for (let second = 1; second <= 10; second++) {
    journal.append(readingAt(second * 1000), DECIMALS);
    writeFileSync(join(journal.runtime.path, 'journal.damaged'), fileNow(stateDir));
    journal.flush();
  }
  expect(asideFiles(stateDir)).toHaveLength(1);
  salvageAll(stateDir);
  expect(namesIn(stateDir).size).toBe(10);
});

test('the next start goes on from what was learned, and from the newest readings', () => {
  const template = makeTemplate(temporaryDirectory(), 600);
  const { stateDir } = template;
  writeFileSync(join(stateDir, 'journal.db'), damagedHeader(readFileSync(join(stateDir, 'journal.db'))));
  const journal = open(stateDir, { salvage: false });
  onTestFinished(() => journal.close());
  expect(asideFiles(stateDir)).toHaveLength(1);
  expect(journal.state.load('learned')).toEqual({ widest: 41 });
  expect(journal.lookUp((reader) => reader.latest(readingAt(0).series)?.timeMs)).toBe(FIRST_MS + 599_000);
});

/** Another application's number: SQLite reads it all the same. */
function damagedHeader(file: Buffer): Buffer {
  file.writeUInt32BE(0, 68);
  return file;
}

test('the background process salvages all, and says so', async () => {
  const template = makeTemplate(temporaryDirectory(), 300);
  const { stateDir } = template;
  overwrite(stateDir, [1]);
  const { log, lines } = recordingLog();
  const journal = open(stateDir, { log });
  onTestFinished(() => journal.close());
  await expect
    .poll(() => lines.find(({ msg }) => String(msg).includes('is salvaged;')), { timeout: 30_000, interval: 50 })
    .toMatchObject({ level: 30, readings: template.readings.size });
  const [aside] = asideFiles(stateDir);
  const db = openForReading(stateDir);
  expect(salvageProgress(db, aside?.path ?? '')).toMatchObject({ finishedMs: expect.any(Number), lostPages: 1 });
  db.close();
  expect(namesIn(stateDir)).toEqual(new Set(template.readings.keys()));
  expect(everything(stateDir).gaps).toEqual(template.gaps);
  const reader = new JournalReader(stateDir);
  expect(reader.setAside()).toMatchObject([{ path: aside?.path, salvage: { readings: template.readings.size } }]);
  reader.close();
});

test('quarantine, what was learned, what is held and consumers come back; a consumer takes all again', () => {
  const { stateDir, readings } = makeTemplate(temporaryDirectory(), 100);
  overwrite(stateDir, [1]);
  collectFor(stateDir, 1);
  salvageAll(stateDir);
  const db = openForReading(stateDir);
  onTestFinished(() => db.close());
  expect(db.prepare('SELECT consumer, line FROM quarantine').all()).toEqual([
    { consumer: 'influxdb', line: LONG_LINE },
  ]);
  expect(db.prepare("SELECT value FROM state WHERE key = 'learned'").get()).toEqual({ value: '{"widest":41}' });
  expect(db.prepare('SELECT boot, time FROM held').all()).toEqual([{ boot: 'a', time: 7000 }]);
  const cursor = db.prepare('SELECT key, late, generation FROM cursor').get();
  expect(cursor).toMatchObject({ key: 0, late: 0 });
  expect(Number(cursor?.generation)).toBeGreaterThan(1);
  const feed = new Feed(stateDir);
  expect(feed.count({ key: 0, late: 0 }, 10_000)).toBe(readings.size + 1);
  feed.close();
});

test('a consumer that is ahead gets what was salvaged behind it', () => {
  const { stateDir, readings } = makeTemplate(temporaryDirectory(), 100);
  overwrite(stateDir, [1]);
  collectFor(stateDir, 7);
  const feed = new Feed(stateDir);
  onTestFinished(() => feed.close());
  const { position, deliveries } = feed.after({ key: 0, late: 0 }, 1000);
  expect(deliveries).toHaveLength(7);
  const db = openForWriting(stateDir);
  db.prepare("INSERT INTO cursor (consumer, key, late) VALUES ('influxdb', ?, ?)").run(position.key, position.late);
  db.close();
  salvageAll(stateDir);
  const taken = new Set<string>();
  for (let at = position, more = true; more; ) {
    const portion = feed.after(at, 50);
    for (const { reading } of portion.deliveries) taken.add(nameOf(reading));
    at = portion.position;
    more = portion.more;
  }
  expect(taken).toEqual(new Set(readings.keys()));
});

test('killed at any moment of setting aside and of salvaging, nothing is lost', async () => {
  const template = makeTemplate(temporaryDirectory(), 800, true);
  for (let kill = 0; kill < 8; kill++) {
    const stateDir = temporaryDirectory();
    damagedCopy(template, stateDir, () => undefined);
    overwrite(stateDir, [1, 2]);
    const opening = runScript(`${REPOSITORY}/test/support/salvaging-child.ts`, ['open', stateDir]);
    await opening.printed(/ready/);
    await sleep(kill * 3);
    await opening.end('SIGKILL');
    open(stateDir, { salvage: false }).close();
    const [aside] = asideFiles(stateDir);
    const salvaging = runScript(`${REPOSITORY}/test/support/salvaging-child.ts`, [
      'salvage',
      stateDir,
      aside?.path ?? '',
    ]);
    await salvaging.printed(/ready/);
    await sleep(10 + kill * 8);
    await salvaging.end('SIGKILL');
    salvageAll(stateDir);
    const names = namesIn(stateDir);
    expect([...template.readings.keys()].filter((name) => !names.has(name))).toEqual([]);
    expect(names.size).toBe(template.readings.size);
  }
});

test('an import replaces a reading that is damaged, and no other', () => {
  const { stateDir, readings } = makeTemplate(temporaryDirectory(), 50);
  const db = openForWriting(stateDir);
  db.prepare('UPDATE reading SET data = ? WHERE key = ?').run(
    Buffer.from([7, 1, 2, 3, 4, 5, 6, 7]),
    FIRST_MS * 1024 + 1,
  );
  db.close();
  expect(everything(stateDir).readings).toHaveLength(readings.size - 1);
  const importer = new Importer(stateDir);
  const right = readingAt(FIRST_MS);
  const other = { ...readingAt(FIRST_MS + 1000), values: { voltage: 1 } };
  const all = [right, other].map((reading) => ({ reading, decimals: DECIMALS }));
  const counts = {};
  importer.store(all, { key: undefined, value: (result) => Object.assign(counts, result) });
  importer.close();
  expect(counts).toEqual({ stored: 0, completed: 1, replaced: 0, there: 1 });
  expect(new Map(everything(stateDir).readings.map((reading) => [nameOf(reading), reading]))).toEqual(readings);
});

test('a restored journal is as whole as one that a collector made', () => {
  const { stateDir } = makeTemplate(temporaryDirectory(), 50);
  const db = openForReading(stateDir);
  const bytes = Buffer.concat([...segment(db, { fromMs: 0, toMs: 4e12 })]);
  const state = db.prepare('SELECT key, value FROM state').all() as { key: string; value: string }[];
  db.close();
  const restored = temporaryDirectory();
  const restorer = new JournalRestorer(restored, 1);
  restorer.add(bytes);
  restorer.addState({ cursor: [], quarantine: [], late: [], state });
  restorer.finish();
  open(restored, { salvage: false }).close();
  expect(asideFiles(restored)).toEqual([]);
  expect(everything(restored)).toEqual(everything(stateDir));
});

test.each([
  [{ errcode: 11 }, 'yes'],
  [{ errcode: 779 }, 'yes'],
  [{ errcode: 26 }, 'yes'],
  [{ errcode: 266 }, 'perhaps'],
  [{ errcode: 522 }, 'perhaps'],
  [{ code: 'EIO' }, 'perhaps'],
  [{ errcode: 778 }, 'no'],
  [{ errcode: 13 }, 'no'],
  [{ errcode: 5 }, 'no'],
  [{ errcode: 1, message: 'no such table: reading' }, 'yes'],
  [{ errcode: 1, message: 'cannot start a transaction within a transaction' }, 'no'],
  [{ errcode: 19, message: 'NOT NULL constraint failed' }, 'no'],
])('SQLite says %j: is the file damaged? %s', (error, damage) => {
  expect(damageIn(Object.assign(new Error('x'), error))).toBe(damage);
});

test('a write-ahead file that ends early is kept once, however often the collector is started', () => {
  const template = makeTemplate(temporaryDirectory(), 600, true);
  const stateDir = temporaryDirectory();
  damagedCopy(template, stateDir, ({ 'journal.db-wal': wal }) => {
    const byte = Math.floor(wal.length * 0.7);
    wal.writeUInt8(wal.readUInt8(byte) ^ 1, byte);
    return undefined;
  });
  // Somebody who reads keeps it from being emptied.
  const reading = openForReading(stateDir);
  reading.exec('BEGIN; SELECT 1 FROM reading LIMIT 1');
  for (let start = 0; start < 3; start++) open(stateDir, { salvage: false }).close();
  reading.close();
  open(stateDir, { salvage: false }).close();
  expect(asideFiles(stateDir)).toHaveLength(1);
  salvageAll(stateDir);
  expect(namesIn(stateDir)).toEqual(new Set(template.readings.keys()));
});
