import type { DatabaseSync } from 'node:sqlite';
import { CLOCK_STEP_MS, type ClockStamp } from '../system/clock.ts';
import { RELEASED_MS } from '../system/clock-state.ts';
import type { Logger } from '../system/logging.ts';
import type { CommitResult, Committer } from './committer.ts';
import type { Entry } from './entry.ts';
import { byClock, type HeldGroup, type HeldRow, HeldStore, heldGroups, shifted, TAKEN } from './held.ts';
import { timeOfKey } from './keys.ts';
import { type KnownClock, Recall } from './recall.ts';
import type { State } from './state.ts';

/** Rows in one transaction: short enough that the collector's second is not disturbed. */
export const CHUNK = 2000;

/** What is to be placed yet: the groups, oldest first, and by which clock; undefined: as their own clock had them. */
interface Job {
  group: HeldGroup;
  clock: ClockStamp | undefined;
  /** Rows behind the first and up to the second. */
  between?: { after: number; through: number };
}

/** Gives held entries their times once the clock is known, a chunk with each commit. */
export class Placer {
  readonly #recall: Recall;
  readonly #log: Logger;
  #clock: ClockStamp | undefined;
  #looked = true;
  #jobs: Job[] = [];
  /** Boots of which a person has been told. */
  readonly #toldOf = new Set<string>();
  /** The last row before something was taken back. */
  #retryAfter: number | undefined;

  constructor(state: State, log: Logger) {
    this.#recall = new Recall(state, log);
    this.#log = log;
  }

  /** From now on this is how the clock of this boot really goes. To be called when all before that is committed. */
  begin(db: DatabaseSync, clock: KnownClock): void {
    this.#recall.begin(db, clock);
    this.#clock = clock;
    this.#looked = false;
  }

  /** Salvage may have brought what was held in a journal that was set aside. */
  lookAgain(): void {
    this.#looked = false;
  }

  /** Is there something to place with the next commits? */
  get busy(): boolean {
    return !this.#looked || this.#jobs.length > 0 || this.#recall.busy;
  }

  /**
   * Places a chunk. To be called when everything that consumers can have seen is committed: what comes behind that is then
   * listed as late for them.
   * @throws what SQLite throws when the disk is full or the database locked; nothing is placed then
   */
  step(db: DatabaseSync, committer: Committer): void {
    if (this.#recall.busy && this.#jobs.length === 0) this.#recallChunk(db, committer);
    if (!this.#looked) this.#look(db);
    for (let left = CHUNK; left > 0 && this.#jobs[0]; ) left -= this.#placeChunk(db, committer, this.#jobs[0]);
    if (!this.busy && this.#retryAfter !== undefined) this.#retryAside(db, this.#retryAfter);
  }

  /** @returns how many rows it took, at least one */
  #placeChunk(db: DatabaseSync, committer: Committer, { group, clock, between }: Job): number {
    const timed = (row: HeldRow) => (clock ? byClock(row, clock) : shifted(row, 0));
    const result = place(db, committer, group, (row) => (this.#isNoStep(row) ? [] : timed(row)), between);
    if (result.aside > 0) {
      this.#log.warn(
        { readings: result.aside, hint: HELD_HINT },
        'held readings of seconds that had a reading stay aside',
      );
    }
    if (result.taken < CHUNK) this.#jobs.shift();
    return Math.max(result.taken, 1);
  }

  #recallChunk(db: DatabaseSync, committer: Committer): void {
    this.#retryAfter ??= new HeldStore(db).last();
    this.#recall.step(db, committer);
    this.#looked = false;
  }

  /** What was read meanwhile had no place where something wrong still was. */
  #retryAside(db: DatabaseSync, after: number): void {
    const through = new HeldStore(db).last();
    const group = heldGroups(db).find(({ boot }) => boot === TAKEN);
    if (group) this.#jobs.push({ group, clock: undefined, between: { after, through } });
    this.#retryAfter = undefined;
  }

  /** A gap between two clocks of which the first one was wrong, and what was read by it is taken back. */
  #isNoStep({ entry }: HeldRow): boolean {
    const fromMs = entry?.kind === 'gap' && entry.gap.cause === 'clock' ? entry.held?.fromMs : undefined;
    return fromMs !== undefined && this.#recall.follows(fromMs);
  }

  #look(db: DatabaseSync): void {
    const clock = this.#clock;
    this.#looked = true;
    if (!clock) return;
    let newestMs = newestReadingMs(db);
    for (const group of heldGroups(db)) {
      if (group.boot === TAKEN) continue;
      const { readings, fromMs, toMs } = group;
      const known = group.boot === clock.boot ? clock : this.#recall.clockOf(group.boot);
      const details = { readings, from: new Date(fromMs).toISOString(), to: new Date(toMs).toISOString() };
      if (known) {
        this.#jobs.push({ group, clock: known });
        const movedMs = Math.round(known.offsetMs - group.offsetMs);
        const seconds = Math.abs(movedMs) < CLOCK_STEP_MS ? 0 : movedMs / 1000;
        const level = this.#recall.busy ? 'debug' : 'info';
        this.#log[level]({ ...details, seconds }, 'the time of held readings is known: they are stored');
      } else if (fromMs > Math.max(newestMs, RELEASED_MS) && toMs < clock.offsetMs) {
        this.#jobs.push({ group, clock: undefined });
        newestMs = toMs;
        this.#log.warn(
          details,
          'readings of an earlier start, whose clock nothing ever confirmed, are stored with the times that it showed: they can be later in truth',
        );
      } else if (!this.#toldOf.has(group.boot)) {
        this.#toldOf.add(group.boot);
        this.#log.warn(
          { ...details, hint: HELD_HINT },
          'readings of an earlier start, whose clock was wrong, stay aside',
        );
      }
    }
  }
}

export const HELD_HINT = 'see them with: energy-monitor journal held list';

/** Stores a chunk of a group with the times that `timed` gives, and takes it from what is held: less than a chunk is the last one. */
export function place(
  db: DatabaseSync,
  committer: Committer,
  group: { boot: string; offsetMs: number },
  timed: (row: HeldRow) => Entry[],
  between: { after: number; through: number; latest?: boolean } = { after: 0, through: Number.MAX_SAFE_INTEGER },
): CommitResult & { taken: number } {
  const rows = new HeldStore(db).take(group, CHUNK, between);
  const result = committer.commit([rows.flatMap(timed)], undefined, (held) => held.remove(rows));
  return { ...result, taken: rows.length };
}

function newestReadingMs(db: DatabaseSync): number {
  const row = db.prepare('SELECT max(key) AS key FROM reading').get() as { key: number | null };
  return row.key === null ? Number.NEGATIVE_INFINITY : timeOfKey(row.key);
}
