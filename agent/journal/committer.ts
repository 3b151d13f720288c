import type { DatabaseSync, StatementSync } from 'node:sqlite';
import type { Gap, Reading } from '../readings/reading.ts';
import { AgentError, messageOf } from '../system/errors.ts';
import { Catalogue } from './catalogue.ts';
import { damageIn } from './damage.ts';
import type { Entry } from './entry.ts';
import { HeldStore } from './held.ts';
import { firstKeyAt, readingKey, SERIES_SLOTS } from './keys.ts';
import { seal } from './seal.ts';
import { SPOOL_GENERATION_KEY } from './spool.ts';
import type { State } from './state.ts';

/** Grid points of one series further apart than this are separate gaps, whatever their cause. */
const LARGEST_GAP_STEP_MS = 60_000;

/** What the disk, the file or another process is to blame for, and not an entry. */
const PASSING = /locked|busy|full|disk|I\/O|readonly|open|no room/i;

/** Can the same entries be committed later, here or into another file? Our own sentences name paths, which hold any word. */
export function isPassing(error: unknown): boolean {
  if (damageIn(error) !== 'no') return true;
  if (!(error instanceof AgentError)) return PASSING.test(messageOf(error));
  return error.retryable || (error.code === 'storage' && PASSING.test(messageOf(error.cause ?? '')));
}

export interface CommitResult {
  stored: number;
  refused: { entry: Entry; reason: string }[];
  /** Readings for a second that has another one: they are among what is held. */
  aside: number;
  /** Held entries that went because there were too many. */
  dropped: number;
}

/** Writes entries into the database, each group of flushes in one transaction. Entries that are there already change nothing. */
export class Committer {
  readonly #db: DatabaseSync;
  readonly #catalogue: Catalogue;
  readonly #state: State;
  readonly #held: HeldStore;
  readonly #insertReading: StatementSync;
  readonly #storedReading: StatementSync;
  readonly #insertLate: StatementSync;
  readonly #newest: StatementSync;
  readonly #lastGap: StatementSync;
  readonly #readingSince: StatementSync;
  readonly #extendGap: StatementSync;
  readonly #insertGap: StatementSync;

  constructor(db: DatabaseSync, state: State) {
    this.#db = db;
    this.#catalogue = new Catalogue(db);
    this.#state = state;
    this.#held = new HeldStore(db);
    this.#insertReading = db.prepare('INSERT OR IGNORE INTO reading (key, layout, data) VALUES (?, ?, ?)');
    this.#storedReading = db.prepare('SELECT layout, data FROM reading WHERE key = ?');
    this.#insertLate = db.prepare('INSERT INTO late (key) VALUES (?)');
    this.#newest = db.prepare('SELECT max(key) AS key FROM reading');
    this.#lastGap = db.prepare(
      'SELECT from_time, to_time, cause FROM gap WHERE series = ? AND from_time <= ? ORDER BY from_time DESC LIMIT 1',
    );
    this.#readingSince = db.prepare(`SELECT 1 FROM reading WHERE key >= ? AND key % ${SERIES_SLOTS} = ? LIMIT 1`);
    this.#extendGap = db.prepare('UPDATE gap SET to_time = ? WHERE series = ? AND from_time = ?');
    this.#insertGap = db.prepare('INSERT OR IGNORE INTO gap (series, from_time, to_time, cause) VALUES (?, ?, ?, ?)');
  }

  /** Can these entries wait in the spool? A consumer finds them there only when their series has its id already. */
  knows(entries: readonly Entry[]): boolean {
    return entries.every((entry) => entry.kind === 'gap' || !!entry.held || this.#catalogue.has(entry.reading.series));
  }

  /**
   * Commits batches, each one flush, and notes up to which generation the spool is in the database. An entry that the
   * database can never take, through a defect of ours, must not hold up all others: then each is committed by itself and
   * that one is returned.
   * @param first to be done in the same transaction, before it
   * @returns how many readings were new, and what was refused
   * @throws what SQLite throws when the disk is full or the database locked or damaged; nothing is stored then
   */
  commit(
    batches: readonly (readonly Entry[])[],
    spoolGeneration?: number,
    first: (held: HeldStore) => void = () => {},
  ): CommitResult {
    try {
      return { ...this.#transaction(batches, spoolGeneration, first), refused: [] };
    } catch (error) {
      if (isPassing(error)) throw error;
    }
    const result: CommitResult = { stored: 0, refused: [], aside: 0, dropped: 0 };
    for (const entry of batches.flat()) {
      try {
        const { stored, aside } = this.#transaction([[entry]]);
        result.stored += stored;
        result.aside += aside;
      } catch (reason) {
        if (isPassing(reason)) throw reason;
        result.refused.push({ entry, reason: messageOf(reason) });
      }
    }
    this.#transaction([], spoolGeneration, first);
    return result;
  }

  #transaction(
    batches: readonly (readonly Entry[])[],
    spoolGeneration?: number,
    first?: (held: HeldStore) => void,
  ): Omit<CommitResult, 'refused'> {
    this.#db.exec('BEGIN IMMEDIATE');
    try {
      first?.(this.#held);
      let newest = (this.#newest.get() as { key: number | null }).key ?? 0;
      let stored = 0;
      let aside = 0;
      let dropped = 0;
      for (const batch of batches) {
        // Consumers see whole flushes: late is what comes behind a reading of an earlier one.
        const newestBefore = newest;
        for (const entry of batch) {
          if (entry.held) this.#held.put(entry);
          else if (entry.kind === 'gap') this.#storeGap(entry.gap);
          else {
            const { key, changes } = this.#storeReading(entry.reading, entry.decimals, newestBefore);
            newest = Math.max(newest, key);
            stored += changes;
            if (changes === 0 && !this.#isStored(key, entry) && this.#held.put(entry)) aside++;
          }
        }
      }
      if (spoolGeneration !== undefined) this.#state.save(SPOOL_GENERATION_KEY, spoolGeneration);
      if (aside > 0 || batches.flat().some(({ held }) => held)) dropped = this.#held.limit();
      this.#state.saveRemembered();
      this.#db.exec('COMMIT');
      this.#state.forgetSaved();
      return { stored, aside, dropped };
    } catch (error) {
      this.#catalogue.forget();
      if (this.#db.isTransaction) this.#db.exec('ROLLBACK');
      throw error;
    }
  }

  /** Is this very reading there, because it was taken over once more? */
  #isStored(key: number, { reading, decimals }: Entry & { kind: 'reading' }): boolean {
    const { layout, data } = seal(reading, decimals);
    const row = this.#storedReading.get(key);
    if (row?.layout !== this.#catalogue.layoutId(layout)) return false;
    return Buffer.compare(row.data as Uint8Array, data) === 0;
  }

  #storeReading(
    reading: Reading,
    decimals: Readonly<Record<string, number>>,
    newest: number,
  ): { key: number; changes: number } {
    const { layout, data } = seal(reading, decimals);
    const key = readingKey(reading.timeMs, this.#catalogue.seriesId(reading.series));
    const changes = Number(this.#insertReading.run(key, this.#catalogue.layoutId(layout), data).changes);
    if (changes > 0 && key < newest) this.#insertLate.run(key);
    return { key, changes };
  }

  /** A gap that goes on where the series' last one of the same cause ended prolongs it: a dead week is one row. */
  #storeGap(gap: Gap): void {
    const series = this.#catalogue.seriesId(gap.series);
    const last = this.#lastGap.get(series, gap.fromMs) as
      | { from_time: number; to_time: number; cause: string }
      | undefined;
    if (last && gap.toMs <= last.to_time) return;
    const stepMs = last ? gap.fromMs - last.to_time : Number.POSITIVE_INFINITY;
    const goesOn =
      last?.cause === gap.cause &&
      stepMs >= 0 &&
      stepMs <= LARGEST_GAP_STEP_MS &&
      this.#readingSince.get(firstKeyAt(last.to_time), series) === undefined;
    if (last && goesOn) this.#extendGap.run(gap.toMs, series, last.from_time);
    else this.#insertGap.run(series, gap.fromMs, gap.toMs, gap.cause);
  }
}
