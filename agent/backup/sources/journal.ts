import type { DatabaseSync } from 'node:sqlite';
import { guardedEach, guardedReads } from '../../journal/damage-note.ts';
import { openForReading } from '../../journal/database.ts';
import { firstKeyAt } from '../../journal/keys.ts';
import { countReadings, journalDays, type Span, segment } from '../../journal/segment.ts';
import type { RememberedFile } from '../memory.ts';
import type { BackupSource, SourceFile } from '../source.ts';
import { type DayContent, type DayFile, dayFiles } from './days.ts';

const MOST_LATE = 10_000;

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
  *files(before: ReadonlyMap<string, RememberedFile>): Generator<SourceFile> {
    const guarded = guardedReads(this.#stateDir);
    for (const { content, counts, ...file } of guardedEach(guarded, this.#files(before))) {
      yield {
        ...file,
        content: guardedEach(guarded, content),
        ...(counts ? { counts: () => guarded(counts) } : {}),
      };
    }
  }

  *#files(before: ReadonlyMap<string, RememberedFile>): Generator<DayFile> {
    const db = openForReading(this.#stateDir);
    try {
      db.exec('BEGIN');
      const journal: DayContent = {
        name: this.name,
        days: journalDays(db),
        content: (span) => segment(db, span),
        isEmpty: (span) => isEmpty(db, span),
        counts: (span) => countReadings(db, span),
      };
      yield* dayFiles(journal, before, this.#nowMs);
      yield { path: `${this.name}/state.json`, content: [stateFile(db)] };
    } finally {
      db.close();
    }
  }
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
