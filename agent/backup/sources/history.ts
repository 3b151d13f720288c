import { historyError, openHistoryForReading } from '../../history/database.ts';
import { historyDays, historySegment, isEmptySegment } from '../../history/segment.ts';
import type { RememberedFile } from '../memory.ts';
import type { BackupSource, SourceFile } from '../source.ts';
import { dayFiles } from './days.ts';

/**
 * The roll-ups as files, as the journal's days are: `history/2026-11-21` for a day, `history/2026-11-21T14` for an hour of
 * the newest. They are what is left of readings that are too old for the journal. Where there is no history yet, no file.
 */
export class HistorySource implements BackupSource {
  readonly name = 'history';
  readonly #stateDir: string;
  readonly #nowMs: number;

  constructor(stateDir: string, nowMs: number) {
    this.#stateDir = stateDir;
    this.#nowMs = nowMs;
  }

  *files(before: ReadonlyMap<string, RememberedFile>): Generator<SourceFile> {
    const db = openHistoryForReading(this.#stateDir);
    if (!db) return;
    try {
      db.exec('BEGIN');
      yield* dayFiles(
        {
          name: this.name,
          days: historyDays(db),
          content: (span) => historySegment(db, span),
          isEmpty: (span) => isEmptySegment(db, span),
        },
        before,
        this.#nowMs,
      );
    } catch (error) {
      throw historyError(this.#stateDir, error);
    } finally {
      db.close();
    }
  }
}
