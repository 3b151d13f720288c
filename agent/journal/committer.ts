import type { DatabaseSync, StatementSync } from 'node:sqlite';
import type { Gap, Reading } from '../readings/reading.ts';
import { Catalogue } from './catalogue.ts';
import { fits, type LayoutField, pack } from './packing.ts';
import type { Entry } from './tail.ts';

/** Grid points of one series further apart than this are separate gaps, whatever their cause. */
const LARGEST_GAP_STEP_MS = 60_000;

/** Writes entries into the database, all of a group in one transaction. Entries that are there already change nothing. */
export class Committer {
  readonly #db: DatabaseSync;
  readonly #catalogue: Catalogue;
  readonly #insertReading: StatementSync;
  readonly #lastGap: StatementSync;
  readonly #extendGap: StatementSync;
  readonly #insertGap: StatementSync;

  constructor(db: DatabaseSync) {
    this.#db = db;
    this.#catalogue = new Catalogue(db);
    this.#insertReading = db.prepare('INSERT OR IGNORE INTO reading (series, time, layout, data) VALUES (?, ?, ?, ?)');
    this.#lastGap = db.prepare(
      'SELECT seq, from_time, to_time, cause FROM gap WHERE series = ? ORDER BY from_time DESC LIMIT 1',
    );
    this.#extendGap = db.prepare('UPDATE gap SET to_time = ? WHERE seq = ?');
    this.#insertGap = db.prepare('INSERT OR IGNORE INTO gap (series, from_time, to_time, cause) VALUES (?, ?, ?, ?)');
  }

  /** @returns how many readings were new; a repeated second of a series is not stored twice */
  commit(entries: readonly Entry[]): number {
    let stored = 0;
    this.#db.exec('BEGIN IMMEDIATE');
    try {
      let previous: Entry | undefined;
      for (const entry of entries) {
        if (entry.kind === 'reading') stored += this.#storeReading(entry.reading, entry.decimals);
        else this.#storeGap(entry.gap, previous);
        previous = entry;
      }
      this.#db.exec('COMMIT');
      return stored;
    } catch (error) {
      this.#catalogue.forget();
      if (this.#db.isTransaction) this.#db.exec('ROLLBACK');
      throw error;
    }
  }

  #storeReading({ series, timeMs, values }: Reading, decimals: Readonly<Record<string, number>>): number {
    const layout = Object.keys(values).map((name): LayoutField => {
      const places = decimals[name];
      const exact = places !== undefined && fits(values[name] ?? 0, places);
      return { name, decimals: exact ? places : null };
    });
    const { changes } = this.#insertReading.run(
      this.#catalogue.seriesId(series),
      timeMs,
      this.#catalogue.layoutId(layout),
      pack(layout, values),
    );
    return Number(changes);
  }

  /** A gap that goes on where the series' last one of the same cause ended prolongs it: a dead week is one row. */
  #storeGap(gap: Gap, previous: Entry | undefined): void {
    const series = this.#catalogue.seriesId(gap.series);
    const last = this.#lastGap.get(series) as
      | { seq: number; from_time: number; to_time: number; cause: string }
      | undefined;
    if (last && gap.fromMs >= last.from_time && gap.toMs <= last.to_time) return;
    const stepMs = last ? gap.fromMs - last.to_time : Number.POSITIVE_INFINITY;
    const readingBetween = previous?.kind === 'reading';
    if (
      last?.cause === gap.cause &&
      stepMs >= 0 &&
      stepMs <= LARGEST_GAP_STEP_MS &&
      !readingBetween &&
      !this.#readingsSince(series, last.to_time)
    ) {
      this.#extendGap.run(gap.toMs, last.seq);
    } else this.#insertGap.run(series, gap.fromMs, gap.toMs, gap.cause);
  }

  #readingsSince(series: number, timeMs: number): boolean {
    return (
      this.#db.prepare('SELECT 1 FROM reading WHERE series = ? AND time > ? LIMIT 1').get(series, timeMs) !== undefined
    );
  }
}
