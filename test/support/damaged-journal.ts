import { copyFileSync, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { BEGINNING } from '../../agent/journal/cursors.ts';
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
import { silentLog } from './silent-log.ts';

export const GARAGE = { ...HOUSE, meter: 'garage' };
/** Readings of the template begin here. */
export const FIRST_MS = 1_772_366_400_000;
const NAMES = ['journal.db', 'journal.db-wal'];

/** A journal to be damaged, and the truth about it. */
export interface Template {
  stateDir: string;
  readings: Map<string, Reading>;
  gaps: Gap[];
  /** Reading keys by the page that holds them. */
  pages: Map<number, string[]>;
  pageCount: number;
}

export const nameOf = ({ series, timeMs }: Reading) => `${series.meter} ${timeMs}`;

/** Two meters, of which one is dead for a while, with cursors, a long line in quarantine and something learned. */
export function makeTemplate(stateDir: string, seconds: number): Template {
  const journal = open(stateDir);
  for (let second = 0; second < seconds; second++) {
    const timeMs = FIRST_MS + second * 1000;
    journal.append(readingAt(timeMs), DECIMALS);
    const isDead = second % 50 >= 40;
    if (isDead) journal.appendGap({ series: GARAGE, fromMs: timeMs, toMs: timeMs, cause: 'timeout' });
    else journal.append(readingAt(timeMs, GARAGE), DECIMALS);
    if (second % 100 === 99) journal.flush();
  }
  journal.state.remember('learned', { widest: 41 });
  journal.cursors.set('influxdb', { key: 12_345, late: 0 });
  journal.close();
  const db = openForWriting(stateDir);
  const key = FIRST_MS * 1024 + 1;
  const line = 'energy,meter=house '.repeat(400);
  new Quarantine(db).add({ consumer: 'influxdb', key, line, reason: 'no', refusedMs: 1 });
  db.close();
  return { stateDir, ...truthOf(stateDir), ...pagesOf(join(stateDir, 'journal.db')) };
}

function truthOf(stateDir: string) {
  const reader = new JournalReader(stateDir);
  const readings = new Map(reader.readings(ALL).map((reading) => [nameOf(reading), reading]));
  const gaps = reader.gaps(ALL);
  reader.close();
  return { readings, gaps };
}

function pagesOf(path: string) {
  const db = new DatabaseSync(path, { readOnly: true });
  const meters = new Map(
    db
      .prepare('SELECT id, meter FROM series')
      .all()
      .map(({ id, meter }) => [Number(id), meter]),
  );
  db.close();
  const file = new PageFile(path);
  const pages = new Map<number, string[]>();
  for (let index = 0; index < file.images; index++) {
    const number = file.pageOf(index);
    const { cells } = readPage(file.page(number) ?? Buffer.alloc(PAGE_BYTES), number, (page) => file.page(page));
    const names = cells.flatMap((cell) => {
      const row = findRow(cell);
      if (!row || row === 'other' || row.kind !== 'reading') return [];
      return [`${meters.get(row.key % 1024)} ${Math.floor(row.key / 1024)}`];
    });
    pages.set(number, names);
  }
  const pageCount = file.images;
  file.close();
  return { pages, pageCount };
}

/** A copy of the template, changed. */
export function damagedCopy(template: Template, stateDir: string, damage: (file: Buffer) => Buffer): void {
  mkdirSync(stateDir, { recursive: true });
  for (const name of NAMES) {
    const path = join(template.stateDir, name);
    if (existsSync(path)) copyFileSync(path, join(stateDir, name));
  }
  const path = join(stateDir, 'journal.db');
  writeFileSync(path, damage(readFileSync(path)));
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
