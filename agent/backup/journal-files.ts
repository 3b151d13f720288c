import type { DatabaseSync } from 'node:sqlite';
import { countReadings, DAY_MS, journalDays, type Span, segment } from '../journal/segment.ts';
import type { BackupFile } from './snapshot-writer.ts';

const HOUR_MS = 3_600_000;
/** Days before the newest that are kept hour by hour: each backup then sends an hour, not the day so far. */
const YOUNG_DAYS = 2;

/** A file of the journal, with what tells that it is as it was. */
export interface JournalFile extends BackupFile {
  /** The same as last time: so is the content. Undefined: look. */
  stamp: string | undefined;
  counts: () => Record<string, number>;
}

/**
 * The journal as files: `journal/2026-11-21` for a day, `journal/2026-11-21T14` for an hour of the newest days, and the
 * consumers' positions, the quarantine and what was learned as `journal/state.json`.
 */
export function* journalFiles(db: DatabaseSync): Generator<JournalFile> {
  const days = journalDays(db);
  const newest = days.at(-1)?.day ?? 0;
  for (const { day, mark } of days) {
    const span = { fromMs: day * DAY_MS, toMs: (day + 1) * DAY_MS };
    const name = new Date(span.fromMs).toISOString();
    if (newest - day >= YOUNG_DAYS) {
      yield fileOf(db, `journal/${name.slice(0, 10)}`, span, String(mark));
      continue;
    }
    for (let { fromMs } = span; fromMs < span.toMs; fromMs += HOUR_MS) {
      const hour = { fromMs, toMs: fromMs + HOUR_MS };
      if (!isEmpty(db, hour))
        yield fileOf(db, `journal/${new Date(fromMs).toISOString().slice(0, 13)}`, hour, undefined);
    }
  }
  yield { path: 'journal/state.json', content: [stateFile(db)], stamp: undefined, counts: () => ({}) };
}

function fileOf(db: DatabaseSync, path: string, span: Span, stamp: string | undefined): JournalFile {
  return { path, content: segment(db, span), stamp, counts: () => countReadings(db, span) };
}

function isEmpty(db: DatabaseSync, { fromMs, toMs }: Span): boolean {
  const gaps = db.prepare('SELECT 1 FROM gap WHERE from_time >= ? AND from_time < ? LIMIT 1').get(fromMs, toMs);
  return gaps === undefined && Object.keys(countReadings(db, { fromMs, toMs })).length === 0;
}

function stateFile(db: DatabaseSync): Buffer {
  const all = (table: string, order: string) => db.prepare(`SELECT * FROM ${table} ORDER BY ${order}`).all();
  const tables = {
    cursor: all('cursor', 'consumer'),
    quarantine: all('quarantine', 'consumer, key'),
    state: all('state', 'key'),
  };
  return Buffer.from(`${JSON.stringify(tables)}\n`);
}
