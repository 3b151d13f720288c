import type { DatabaseSync } from 'node:sqlite';
import { Changes, type ChangesPortion } from '../journal/changes.ts';
import { BEGINNING, type Cursor, Cursors, HISTORY_CONSUMER, type Position } from '../journal/cursors.ts';
import { openForWriting } from '../journal/database.ts';
import { guardedDatabase } from '../journal/guarded-database.ts';
import { readingKey } from '../journal/keys.ts';
import { Rows } from '../journal/rows.ts';
import { dropWithdrawn, type Withdrawn } from '../journal/withdrawn.ts';
import type { Series } from '../readings/reading.ts';
import { Zone } from '../system/zone.ts';
import { openHistoryForWriting } from './database.ts';
import { daysOfHour, piecesOfDay, sumOf } from './days.ts';
import { Dirty } from './dirty.ts';
import { type GridLevel, MINUTE_MS } from './levels.ts';
import { positionIn } from './position.ts';
import { RawReadings } from './raw-readings.ts';
import { applyHistoryRetention, type HistoryRetention, keptFromMs } from './retention.ts';
import { rollUpHour } from './roll-up.ts';
import { DAYS_DUE, HistoryStore, POSITION, ZONE } from './store.ts';
import { addWithdrawn } from './withdrawn.ts';

export interface KeeperOptions {
  stateDir: string;
  /** Of the IANA database: its days are kept. */
  timeZone: string;
  retention: HistoryRetention;
  /** Told of a row of the journal that cannot be read; it is left out. */
  onDamaged?: (key: number, error: unknown) => void;
  /** Readings of one transaction; by default READINGS_A_STEP. */
  readingsAStep?: number;
}

/** Half a second of work on a PC, and half a day of one meter. */
const READINGS_A_STEP = 50_000;
const DAYS_A_STEP = 200;

/**
 * Keeps the history up to date with the journal. Roll-ups and the position behind the last reading that is in them are
 * written in one transaction, so that a kill between two leaves nothing half; the journal's cursor follows, for which late
 * readings and retention wait.
 */
export class HistoryKeeper {
  readonly #options: KeeperOptions;
  readonly #journal: DatabaseSync;
  readonly #cursors: Cursors;
  readonly #history: DatabaseSync;
  readonly #store: HistoryStore;
  readonly #zone: Zone;

  /** @throws AgentError when journal or history cannot be opened */
  constructor(options: KeeperOptions) {
    this.#options = options;
    this.#zone = new Zone(options.timeZone);
    this.#journal = guardedDatabase(options.stateDir, () => openForWriting(options.stateDir));
    this.#cursors = new Cursors(this.#journal);
    try {
      this.#history = openHistoryForWriting(options.stateDir);
    } catch (error) {
      this.#journal.close();
      throw error;
    }
    this.#store = new HistoryStore(this.#history);
    this.#adopt();
  }

  /**
   * One transaction of bounded work. Two processes that do this at a time take turns.
   * @returns whether there is more to do at once
   */
  step(nowMs = Date.now()): boolean {
    const { portion, cursor, withdrawn, more } = this.#store.transaction(() => {
      const taken = this.#takeChanges();
      const rebuilding = !taken.portion.more && this.#rebuildDays(nowMs);
      if (!taken.portion.more) applyHistoryRetention(this.#store, this.#options.retention, nowMs);
      return { ...taken, more: taken.portion.more || rebuilding };
    });
    this.#mirror(portion.position, cursor);
    if (withdrawn.length > 0) dropWithdrawn(this.#journal, withdrawn);
    return more;
  }

  close(): void {
    this.#history.close();
    this.#journal.close();
  }

  /** Days of another zone are made anew; retention waits for a history that has taken nothing yet. */
  #adopt(): void {
    const { name } = this.#zone;
    if (this.#store.load(ZONE) !== name) {
      this.#store.transaction(() => {
        this.#store.deleteBefore('day', Number.MAX_SAFE_INTEGER);
        this.#store.save(ZONE, name);
        this.#store.save(DAYS_DUE, 0);
      });
    }
    if (!this.#cursors.find(HISTORY_CONSUMER)) this.#cursors.advance(HISTORY_CONSUMER, { ...BEGINNING, generation: 0 });
  }

  #takeChanges(): { portion: ChangesPortion; cursor: Cursor | undefined; withdrawn: Withdrawn[] } {
    this.#journal.exec('BEGIN');
    try {
      const limit = this.#options.readingsAStep ?? READINGS_A_STEP;
      const cursor = this.#cursors.find(HISTORY_CONSUMER);
      const portion = new Changes(this.#journal).after(positionIn(this.#store, this.#cursors), limit);
      const rows = new Rows(this.#journal);
      const dirty = new Dirty();
      const withdrawn = addWithdrawn(dirty, this.#journal, rows, this.#store);
      for (const { minute, series } of portion.minutes) {
        const one = rows.findSeries(series);
        if (one) dirty.add(one, minute * MINUTE_MS);
        else this.#sayUnknown(minute, series);
      }
      this.#rollUp(dirty);
      this.#store.save(POSITION, portion.position);
      return { portion, cursor, withdrawn };
    } finally {
      this.#journal.exec('COMMIT');
    }
  }

  /** A bit has flipped in a key. */
  #sayUnknown(minute: number, series: number): void {
    const reason = new RangeError(`there is no series ${series}`);
    this.#options.onDamaged?.(readingKey(minute * MINUTE_MS, series), reason);
  }

  #rollUp(dirty: Dirty): void {
    if (dirty.size === 0) return;
    const { onDamaged } = this.#options;
    const raw = new RawReadings(this.#journal, onDamaged ? { onDamaged } : {});
    const days = new Map<string, { series: Series; starts: Set<number> }>();
    for (const { startMs, all } of dirty.hours()) {
      for (const { level, series, startMs: atMs, rollup } of rollUpHour(startMs, all, raw, this.#store)) {
        if (rollup) this.#store.put(level, series, atMs, rollup);
        else this.#store.delete(level, series, atMs);
      }
      for (const [key, { series }] of all) {
        const entry = days.get(key) ?? { series, starts: new Set() };
        days.set(key, entry);
        for (const dayMs of daysOfHour(this.#zone, startMs)) entry.starts.add(dayMs);
      }
    }
    for (const { series, starts } of days.values()) for (const dayMs of starts) this.#putDay(series, dayMs);
  }

  #putDay(series: Series, dayMs: number): void {
    const id = this.#store.idOf(series);
    if (id === undefined) return;
    const pieces = piecesOfDay(dayMs, this.#zone.nextDay(dayMs), keptFromMs(this.#store, 'quarter'));
    const parts = pieces.flatMap(({ level, fromMs, toMs }) => [
      ...this.#store.range(level as GridLevel, fromMs, toMs, { series: [id] }),
    ]);
    const day = sumOf(parts.map(({ rollup }) => rollup));
    if (day) this.#store.put('day', series, dayMs, day);
    else this.#store.delete('day', series, dayMs);
  }

  /** @returns whether days are left */
  #rebuildDays(nowMs: number): boolean {
    const due = this.#store.load(DAYS_DUE);
    if (due === undefined) return false;
    const ends = this.#store.ends('hour');
    let atMs = this.#zone.startOfDay(Math.max(Number(due), ends?.firstMs ?? nowMs));
    const endMs = ends?.lastMs ?? 0;
    const series = [...this.#store.allSeries().values()];
    for (let n = 0; n < DAYS_A_STEP && atMs <= endMs; n++) {
      for (const one of series) this.#putDay(one, atMs);
      atMs = this.#zone.nextDay(atMs);
    }
    if (atMs > endMs) this.#store.remove(DAYS_DUE);
    else this.#store.save(DAYS_DUE, atMs);
    return atMs <= endMs;
  }

  /** @param before as it was when the portion was taken: one that somebody has set meanwhile stays as it is */
  #mirror(position: Position, before: Cursor = { ...BEGINNING, generation: 0 }): void {
    const { key, late, generation } = before;
    if (key !== position.key || late !== position.late)
      this.#cursors.advance(HISTORY_CONSUMER, { ...position, generation });
  }
}
