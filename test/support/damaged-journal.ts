import { copyFileSync, existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { isDeepStrictEqual } from 'node:util';
import { expect } from 'vitest';
import { checkJournal } from '../../agent/journal/check.ts';
import { BEGINNING } from '../../agent/journal/cursors.ts';
import { DamagedJournal } from '../../agent/journal/damage.ts';
import { openForWriting } from '../../agent/journal/database.ts';
import { Feed } from '../../agent/journal/feed.ts';
import { Quarantine } from '../../agent/journal/quarantine.ts';
import { JournalReader } from '../../agent/journal/reader.ts';
import { findRow } from '../../agent/journal/salvage/found.ts';
import { PAGE_BYTES, readPage } from '../../agent/journal/salvage/page.ts';
import { PageFile } from '../../agent/journal/salvage/page-file.ts';
import { Salvage } from '../../agent/journal/salvage/salvage.ts';
import { asideFiles } from '../../agent/journal/set-aside.ts';
import type { Gap, Reading } from '../../agent/readings/reading.ts';
import type { Logger } from '../../agent/system/logging.ts';
import { ALL, open } from './open-journal.ts';
import { DECIMALS, HOUSE, readingAt } from './readings.ts';
import { recordingLog, silentLog } from './silent-log.ts';
import { temporaryDirectory } from './temporary.ts';

export const GARAGE = { ...HOUSE, meter: 'garage' };
/** Readings of the template begin here. */
export const FIRST_MS = 1_772_366_400_000;
/** Longer than a page. */
export const LONG_LINE = 'energy,meter=house '.repeat(400);
const NAMES = ['journal.db', 'journal.db-wal'];

/** A journal to be damaged, and the truth about it. */
export interface Template {
  stateDir: string;
  readings: Map<string, Reading>;
  gaps: Gap[];
  /** The readings that each page of its files has, in the order of PageFile. */
  images: { page: number; names: string[] }[];
  pageCount: number;
}

export const nameOf = ({ series, timeMs }: Reading) => `${series.meter} ${timeMs}`;

/**
 * Two meters, of which one is dead for a while, with cursors, a long line in quarantine and something learned.
 * @param killed leaves the newest in the write-ahead file
 */
export function makeTemplate(stateDir: string, seconds: number, killed = false): Template {
  const made = killed ? join(stateDir, 'live') : stateDir;
  mkdirSync(made, { recursive: true });
  const journal = open(made, { commitIntervalMs: 0 });
  for (let second = 0; second < seconds; second++) {
    const timeMs = FIRST_MS + second * 1000;
    journal.append(readingAt(timeMs), DECIMALS);
    const isDead = second % 50 >= 40;
    if (isDead) journal.appendGap({ series: GARAGE, fromMs: timeMs, toMs: timeMs, cause: 'timeout' });
    else journal.append(readingAt(timeMs, GARAGE), DECIMALS);
    if (second % 100 === 99) journal.flush();
  }
  // By a clock that nobody trusts yet.
  const held = { boot: 'a', offsetMs: 5, gridMs: 1000 };
  journal.append(readingAt(7000), DECIMALS, held);
  journal.state.remember('learned', { widest: 41 });
  journal.cursors.set('influxdb', { key: 12_345, late: 0 });
  const db = openForWriting(made);
  new Quarantine(db).add({
    consumer: 'influxdb',
    key: FIRST_MS * 1024 + 1,
    line: LONG_LINE,
    reason: 'no',
    refusedMs: 1,
  });
  db.close();
  journal.flush();
  if (killed) for (const name of NAMES) copyFileSync(join(made, name), join(stateDir, name));
  journal.close();
  const truth = truthOf(made);
  return { stateDir, ...truth, ...imagesOf(join(stateDir, 'journal.db'), join(made, 'journal.db')) };
}

function truthOf(stateDir: string) {
  const reader = new JournalReader(stateDir);
  const readings = new Map(reader.readings(ALL).map((reading) => [nameOf(reading), reading]));
  const gaps = reader.gaps(ALL);
  reader.close();
  return { readings, gaps };
}

function imagesOf(path: string, readable: string) {
  const db = new DatabaseSync(readable, { readOnly: true });
  const meters = new Map(
    db
      .prepare('SELECT id, meter FROM series')
      .all()
      .map(({ id, meter }) => [Number(id), meter]),
  );
  db.close();
  const file = new PageFile(path);
  const images = Array.from({ length: file.images }, (_, index) => {
    const page = file.pageOf(index);
    const { cells } = readPage(file.image(index) ?? Buffer.alloc(PAGE_BYTES), page, (number) => file.page(number));
    const names = cells.flatMap((cell) => {
      const row = findRow(cell);
      if (!row || row === 'other' || row.kind !== 'reading') return [];
      return [`${meters.get(row.key % 1024)} ${Math.floor(row.key / 1024)}`];
    });
    return { page, names };
  });
  const pageCount = file.images - file.frames;
  file.close();
  return { images, pageCount };
}

/** Readings that are on some other page than these. */
export function namesBeside({ images }: Template, damaged: (image: { page: number; index: number }) => boolean) {
  return new Set(images.flatMap(({ page, names }, index) => (damaged({ page, index }) ? [] : names)));
}

export interface Files {
  'journal.db': Buffer;
  'journal.db-wal': Buffer;
}

/** A copy of the template, changed. */
export function damagedCopy(
  template: Template,
  stateDir: string,
  damage: (files: Files) => Partial<Files> | undefined,
) {
  mkdirSync(stateDir, { recursive: true });
  const read = (name: string) => {
    const path = join(template.stateDir, name);
    return existsSync(path) ? readFileSync(path) : Buffer.alloc(0);
  };
  const files = { 'journal.db': read('journal.db'), 'journal.db-wal': read('journal.db-wal') };
  for (const [name, bytes] of Object.entries({ ...files, ...damage(files) })) {
    if (bytes.length > 0 || name === 'journal.db') writeFileSync(join(stateDir, name), bytes);
  }
}

/** A collector runs for some seconds, and ends. @returns what it read */
export function collectFor(stateDir: string, seconds: number, log: Logger = silentLog, from = 0): Reading[] {
  const journal = open(stateDir, { salvage: false, log });
  const collected = Array.from({ length: seconds }, (_, i) => readingAt(FIRST_MS + 86_400_000 + (from + i) * 1000));
  for (const [i, reading] of collected.entries()) {
    journal.append(reading, DECIMALS);
    if (i % 3 === 0) journal.flush();
  }
  journal.close();
  return collected;
}

/** Salvages all that was set aside. */
export function salvageAll(stateDir: string): Salvage['progress'][] {
  return asideFiles(stateDir).map(({ path }) => {
    const salvage = new Salvage(stateDir, path);
    try {
      while (salvage.step());
      return salvage.progress;
    } finally {
      salvage.close();
    }
  });
}

/** What readers and consumers get, damaged rows left out. */
export function everything(stateDir: string): { readings: Reading[]; gaps: Gap[]; fed: Reading[] } {
  const reader = new JournalReader(stateDir);
  const feed = new Feed(stateDir);
  try {
    const fed = feed.after(BEGINNING, 1_000_000).deliveries.map(({ reading }) => reading);
    return { readings: reader.readings(ALL), gaps: reader.gaps(ALL), fed };
  } finally {
    feed.close();
    reader.close();
  }
}

/**
 * A collector meets damaged files: it collects on, and after the salvage all that is read is right. What only a reader finds,
 * such as a page in the middle, or only `journal check`, is told to the next collector.
 * @param intact readings that have to be kept
 */
export function survive(template: Template, damage: (files: Files) => Partial<Files> | undefined, intact: Set<string>) {
  const stateDir = temporaryDirectory();
  damagedCopy(template, stateDir, damage);
  const { log, lines } = recordingLog();
  const collected = collectFor(stateDir, 7, log);
  let unknown = unknownIn(salvageAll(stateDir));
  const again = (from: number) => {
    collected.push(...collectFor(stateDir, 5, log, from));
    unknown += unknownIn(salvageAll(stateDir));
    return everything(stateDir);
  };
  let seen = seenBy(stateDir) ?? again(100);
  const missing = () => {
    const names = new Set(seen.readings.map(nameOf));
    return [...intact].filter((name) => !names.has(name));
  };
  // A page of the tree that no longer names all below it hides them without an error: that only a check finds.
  if (missing().length > unknown) {
    expect(checkJournal(stateDir).problems).not.toEqual([]);
    seen = again(200);
  }
  const { readings, fed } = seen;
  const truth = new Map([...template.readings, ...collected.map((reading) => [nameOf(reading), reading] as const)]);
  const found = new Map(readings.map((reading) => [nameOf(reading), reading]));
  expect(found.size).toBe(readings.length);
  for (const reading of [...readings, ...fed]) {
    const right = truth.get(nameOf(reading));
    // Quicker than an assertion for each.
    if (!isDeepStrictEqual(reading, right)) expect(reading).toEqual(right);
  }
  const taken = new Set(fed.map(nameOf));
  expect(collected.filter((reading) => !found.has(nameOf(reading)) || !taken.has(nameOf(reading)))).toEqual([]);
  // Where both copies of a meter's name are damaged, nobody knows whose its readings are: they are counted.
  if (missing().length > unknown) expect(missing()).toEqual([]);
  const errors = lines.filter(({ level }) => Number(level) >= 50).map(({ msg }) => String(msg));
  rmSync(stateDir, { recursive: true });
  return { kept: found.size, lost: truth.size - found.size, errors };
}

/** Readings of a meter that is not known any more. */
const unknownIn = (salvaged: ReturnType<typeof salvageAll>) => salvaged.reduce((sum, one) => sum + one.unknown, 0);

function seenBy(stateDir: string) {
  try {
    return everything(stateDir);
  } catch (error) {
    if (error instanceof DamagedJournal) return undefined;
    throw error;
  }
}
