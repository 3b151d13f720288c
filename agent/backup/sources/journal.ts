import type { DatabaseSync } from 'node:sqlite';
import { guardedEach, guardedReads } from '../../journal/damage-note.ts';
import { openForReading } from '../../journal/database.ts';
import { firstKeyAt } from '../../journal/keys.ts';
import { countReadings, DAY_MS, type JournalDay, journalDays, type Span, segment } from '../../journal/segment.ts';
import type { RememberedFile } from '../memory.ts';
import type { BackupSource, SourceFile } from '../source.ts';

const HOUR_MS = 3_600_000;
/** Days before the newest that are kept hour by hour: each backup then sends an hour, not the day so far. */
const YOUNG_DAYS = 2;
const MOST_LATE = 10_000;

type JournalFile = SourceFile & { content: Iterable<Uint8Array> };
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

  /** @throws AgentError, as what it yields does, when the journal is damaged; its collector then sets it aside */
  *files(before: Before): Generator<SourceFile> {
    const guarded = guardedReads(this.#stateDir);
    for (const { content, counts, ...file } of guardedEach(guarded, this.#files(before))) {
      yield {
        ...file,
        content: guardedEach(guarded, content),
        ...(counts ? { counts: () => guarded(counts) } : {}),
      };
    }
  }

  *#files(before: Before): Generator<JournalFile> {
    const db = openForReading(this.#stateDir);
    try {
      db.exec('BEGIN');
      const days = journalDays(db);
      const newest = newestDay(days, Math.floor(this.#nowMs / DAY_MS));
      for (const { day, mark } of days) {
        const path = `${this.name}/${new Date(day * DAY_MS).toISOString().slice(0, 10)}`;
        const stamp = String(mark);
        const isYoung = newest - day < YOUNG_DAYS;
        const isKnown = before.get(path)?.stamp === stamp;
        // What is a file already stays one, whatever the clock says.
        if (!isKnown && (isYoung || hasChanged(before, path, stamp))) yield* hoursOf(db, day, path, stamp, before);
        else yield fileOf(db, path, spanOf(day * DAY_MS, DAY_MS), stamp);
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

/** Was it there, as a day or by hours, and other than it is now? */
function hasChanged(before: Before, path: string, stamp: string): boolean {
  return [path, ...HOURS.map((hour) => hourPath(path, hour))].some(
    (name) => (before.get(name)?.stamp ?? stamp) !== stamp,
  );
}

function* hoursOf(db: DatabaseSync, day: number, path: string, stamp: string, before: Before): Generator<JournalFile> {
  for (const hour of HOURS) {
    const name = hourPath(path, hour);
    const span = spanOf(day * DAY_MS + hour * HOUR_MS, HOUR_MS);
    // Looked for in the journal as well: an hour whose object was lost is not among those of before.
    if (before.get(name)?.stamp === stamp || !isEmpty(db, span)) yield fileOf(db, name, span, stamp);
  }
}

const spanOf = (fromMs: number, lengthMs: number): Span => ({ fromMs, toMs: fromMs + lengthMs });

function fileOf(db: DatabaseSync, path: string, span: Span, stamp: string): JournalFile {
  return { path, content: segment(db, span), stamp, counts: () => countReadings(db, span) };
}

function isEmpty(db: DatabaseSync, { fromMs, toMs }: Span): boolean {
  const reading = db.prepare('SELECT 1 FROM reading WHERE key >= ? AND key < ? LIMIT 1');
  const gap = db.prepare('SELECT 1 FROM gap WHERE from_time >= ? AND from_time < ? LIMIT 1');
  return reading.get(firstKeyAt(fromMs), firstKeyAt(toMs)) === undefined && gap.get(fromMs, toMs) === undefined;
}

/** What some server has not taken of what arrived late; null for more than is worth to be kept: then all is sent again. */
function lateRows(db: DatabaseSync) {
  const rows = db
    .prepare('SELECT seq, key FROM late WHERE seq > (SELECT min(late) FROM cursor) ORDER BY seq LIMIT ?')
    .all(MOST_LATE + 1);
  return rows.length > MOST_LATE ? null : rows;
}

function stateFile(db: DatabaseSync): Buffer {
  const all = (table: string, order: string) => db.prepare(`SELECT * FROM ${table} ORDER BY ${order}`).all();
  const tables = {
    cursor: all('cursor', 'consumer'),
    quarantine: all('quarantine', 'consumer, key'),
    late: lateRows(db),
    state: all('state', 'key'),
  };
  return Buffer.from(`${JSON.stringify(tables)}\n`);
}
