import type { DatabaseSync } from 'node:sqlite';
import { openForReading } from '../../journal/database.ts';
import { countReadings, DAY_MS, type JournalDay, journalDays, type Span, segment } from '../../journal/segment.ts';
import type { RememberedFile } from '../memory.ts';
import type { BackupSource, SourceFile } from '../source.ts';

const HOUR_MS = 3_600_000;
/** Days before the newest that are kept hour by hour: each backup then sends an hour, not the day so far. */
const YOUNG_DAYS = 2;

type Before = ReadonlyMap<string, RememberedFile>;

/**
 * The journal as files: `journal/2026-11-21` for a day, `journal/2026-11-21T14` for an hour of the newest days and of those
 * that have just changed (late readings, retention), and the consumers' positions, the quarantine and what was learned as
 * `journal/state.json`. All are of one moment, while the collector goes on.
 */
export class JournalSource implements BackupSource {
  readonly name = 'journal';
  readonly #stateDir: string;
  readonly #nowMs: number;

  /** @throws AgentError `storage` when there is no journal */
  constructor(stateDir: string, nowMs: number) {
    openForReading(stateDir).close();
    this.#stateDir = stateDir;
    this.#nowMs = nowMs;
  }

  *files(before: Before): Generator<SourceFile> {
    const db = openForReading(this.#stateDir);
    try {
      db.exec('BEGIN');
      const days = journalDays(db);
      const newest = newestDay(days, Math.floor(this.#nowMs / DAY_MS));
      for (const one of days) {
        const path = `${this.name}/${new Date(one.day * DAY_MS).toISOString().slice(0, 10)}`;
        const stamp = String(one.mark);
        if (newest - one.day < YOUNG_DAYS || hasChanged(before, path, stamp)) {
          yield* hoursOf(db, one.day, path, stamp, before);
        } else yield fileOf(db, path, spanOf(one.day * DAY_MS, DAY_MS), stamp);
      }
      yield { path: `${this.name}/state.json`, content: [stateFile(db)] };
    } finally {
      db.close();
    }
  }
}

/** A reading from the future, of a clock that was wrong, makes no day of the present an old one. */
function newestDay(days: readonly JournalDay[], today: number): number {
  return days.findLast(({ day }) => day <= today)?.day ?? days.at(-1)?.day ?? 0;
}

const hourPath = (path: string, hour: number) => `${path}T${String(hour).padStart(2, '0')}`;
const HOURS = Array.from({ length: 24 }, (_, hour) => hour);

function rememberedHours(before: Before, path: string): string[] {
  return HOURS.map((hour) => hourPath(path, hour)).filter((name) => before.has(name));
}

/** Was it there, and other than it is now? */
function hasChanged(before: Before, path: string, stamp: string): boolean {
  return [path, ...rememberedHours(before, path)].some((name) => (before.get(name)?.stamp ?? stamp) !== stamp);
}

function* hoursOf(db: DatabaseSync, day: number, path: string, stamp: string, before: Before): Generator<SourceFile> {
  const known = rememberedHours(before, path);
  const isKnown = known.some((name) => before.get(name)?.stamp === stamp);
  for (const hour of HOURS) {
    const name = hourPath(path, hour);
    const span = spanOf(day * DAY_MS + hour * HOUR_MS, HOUR_MS);
    if (isKnown ? known.includes(name) : !isEmpty(db, span)) yield fileOf(db, name, span, stamp);
  }
}

const spanOf = (fromMs: number, lengthMs: number): Span => ({ fromMs, toMs: fromMs + lengthMs });

function fileOf(db: DatabaseSync, path: string, span: Span, stamp: string): SourceFile {
  return { path, content: segment(db, span), stamp, counts: () => countReadings(db, span) };
}

function isEmpty(db: DatabaseSync, span: Span): boolean {
  const gaps = db.prepare('SELECT 1 FROM gap WHERE from_time >= ? AND from_time < ? LIMIT 1');
  return gaps.get(span.fromMs, span.toMs) === undefined && Object.keys(countReadings(db, span)).length === 0;
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
