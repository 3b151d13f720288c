import type { DatabaseSync } from 'node:sqlite';
import { CLOCK_STEP_MS, type ClockStamp } from '../system/clock.ts';
import { RELEASED_MS } from '../system/clock-state.ts';
import type { Logger } from '../system/logging.ts';
import type { CommitResult, Committer } from './committer.ts';
import type { Entry } from './entry.ts';
import { byClock, type HeldGroup, type HeldRow, HeldStore, heldGroups, shifted, TAKEN } from './held.ts';
import { timeOfKey } from './keys.ts';

/** Rows in one transaction: short enough that the collector's second is not disturbed. */
const CHUNK = 2000;

/** What is to be placed yet: the groups, oldest first, and by which clock; undefined: as their own clock had them. */
interface Job {
  group: HeldGroup;
  clock: ClockStamp | undefined;
}

/** Gives held entries their times once the clock is known, a chunk with each commit. */
export class Placer {
  readonly #db: DatabaseSync;
  readonly #committer: Committer;
  readonly #log: Logger;
  #clock: ClockStamp | undefined;
  #looked = true;
  #jobs: Job[] = [];

  constructor(db: DatabaseSync, committer: Committer, log: Logger) {
    this.#db = db;
    this.#committer = committer;
    this.#log = log;
  }

  /** From now on this is how the clock of this boot really goes. */
  begin(clock: ClockStamp): void {
    this.#clock = clock;
    this.#looked = false;
  }

  /** Is there something to place with the next commits? */
  get busy(): boolean {
    return !this.#looked || this.#jobs.length > 0;
  }

  /**
   * Places a chunk. To be called when everything that consumers can have seen is committed: what comes behind that is then
   * listed as late for them.
   * @throws what SQLite throws when the disk is full or the database locked; nothing is placed then
   */
  step(): void {
    if (!this.#looked) this.#look();
    const [job] = this.#jobs;
    if (!job) return;
    const { group, clock } = job;
    const result = place(this.#db, this.#committer, group, (row) => (clock ? byClock(row, clock) : shifted(row, 0)));
    if (result.aside > 0)
      this.#log.warn(
        { readings: result.aside, hint: HELD_HINT },
        'held readings of seconds that had a reading stay aside',
      );
    if (!result.more) this.#jobs.shift();
  }

  #look(): void {
    const clock = this.#clock;
    this.#looked = true;
    if (!clock) return;
    let newestMs = newestReadingMs(this.#db);
    for (const group of heldGroups(this.#db)) {
      if (group.boot === TAKEN) continue;
      const { readings, fromMs, toMs } = group;
      const details = { readings, from: new Date(fromMs).toISOString(), to: new Date(toMs).toISOString() };
      if (group.boot === clock.boot) {
        this.#jobs.push({ group, clock });
        const movedMs = Math.round(clock.offsetMs - group.offsetMs);
        const seconds = Math.abs(movedMs) < CLOCK_STEP_MS ? 0 : movedMs / 1000;
        this.#log.info({ ...details, seconds }, 'the time of held readings is known: they are stored');
      } else if (fromMs > Math.max(newestMs, RELEASED_MS) && toMs < clock.offsetMs) {
        this.#jobs.push({ group, clock: undefined });
        newestMs = toMs;
        this.#log.warn(
          details,
          'readings of an earlier start, whose clock nothing ever confirmed, are stored with the times that it showed: they can be later in truth',
        );
      } else {
        this.#log.warn(
          { ...details, hint: HELD_HINT },
          'readings of an earlier start, whose clock was wrong, stay aside',
        );
      }
    }
  }
}

export const HELD_HINT = 'see them with: energy-monitor journal held list';

/** Stores a chunk of a group with the times that `timed` gives, and takes it from what is held. */
export function place(
  db: DatabaseSync,
  committer: Committer,
  group: { boot: string; offsetMs: number },
  timed: (row: HeldRow) => Entry[],
  through = Number.MAX_SAFE_INTEGER,
): CommitResult & { more: boolean } {
  const rows = new HeldStore(db).take(group, CHUNK, through);
  const result = committer.commit([rows.flatMap(timed)], undefined, (held) => held.remove(rows));
  return { ...result, more: rows.length === CHUNK };
}

export function newestReadingMs(db: DatabaseSync): number {
  const row = db.prepare('SELECT max(key) AS key FROM reading').get() as { key: number | null };
  return row.key === null ? Number.NEGATIVE_INFINITY : timeOfKey(row.key);
}
