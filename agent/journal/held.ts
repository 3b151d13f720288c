import type { DatabaseSync, StatementSync } from 'node:sqlite';
import type { Reading } from '../readings/reading.ts';
import type { ClockStamp } from '../system/clock.ts';
import { type Entry, type EntryRecord, fromRecord, type Held, toRecord } from './entry.ts';

/** `boot` of readings for seconds that have another reading already. */
export const TAKEN = '';

/** Entries of one boot, and of one stretch between two steps of its clock. */
export interface HeldGroup {
  /** TAKEN for what was read in seconds that had a reading. */
  boot: string;
  offsetMs: number;
  readings: number;
  /** UTC ms by the clock as it went then. */
  fromMs: number;
  toMs: number;
  meters: string[];
}

/** One held entry with its row; without an entry when it cannot be read. */
export interface HeldRow {
  seq: number;
  entry: Entry | undefined;
}

/** More would fill the card with what nobody may ever place: three days of one meter, 100 MB. The oldest go. */
const MOST_ROWS = 250_000;

/**
 * Entries whose time is not known: read while the clock could not be trusted, or for a second that has a reading already.
 * They lie in a table of their own, as JSON, until they are placed; no reader and no consumer sees them. To be changed
 * within a transaction.
 */
export class HeldStore {
  readonly #db: DatabaseSync;
  readonly #find: StatementSync;
  readonly #insert: StatementSync;
  readonly #delete: StatementSync;

  constructor(db: DatabaseSync) {
    this.#db = db;
    this.#find = db.prepare('SELECT 1 FROM held WHERE boot = ? AND offset = ? AND time = ? AND entry = ?');
    this.#insert = db.prepare('INSERT INTO held (boot, offset, time, entry) VALUES (?, ?, ?, ?)');
    this.#delete = db.prepare('DELETE FROM held WHERE seq = ?');
  }

  /** What is there already changes nothing. @returns false then */
  put(entry: Entry): boolean {
    const { boot, offsetMs } = entry.held ?? { boot: TAKEN, offsetMs: 0 };
    const row = [boot, offsetMs, timeOf(entry), JSON.stringify(toRecord(entry))] as const;
    if (this.#find.get(...row)) return false;
    this.#insert.run(...row);
    return true;
  }

  /**
   * The first rows of a group behind one row and up to another, in the order in which they were read.
   * @param latest instead the last ones by their times
   */
  take(
    { boot, offsetMs }: { boot: string; offsetMs: number },
    limit: number,
    { after, through, latest = false }: { after: number; through: number; latest?: boolean },
  ): HeldRow[] {
    const order = latest ? 'time DESC, seq DESC' : 'seq';
    const rows = this.#db
      .prepare(
        `SELECT seq, entry FROM held WHERE boot = ? AND offset = ? AND seq > ? AND seq <= ? ORDER BY ${order} LIMIT ?`,
      )
      .all(boot, offsetMs, after, through, limit);
    if (latest) rows.reverse();
    return rows.map(({ seq, entry }) => ({ seq: Number(seq), entry: parse(String(entry)) }));
  }

  /** The row that came last. */
  last(): number {
    return Number(this.#db.prepare('SELECT coalesce(max(seq), 0) AS seq FROM held').get()?.seq);
  }

  /** @throws when somebody else has placed or dropped them meanwhile */
  remove(rows: readonly HeldRow[]): void {
    for (const { seq } of rows) {
      if (Number(this.#delete.run(seq).changes) === 0)
        throw new Error('held entries are busy: somebody else places them');
    }
  }

  /** @returns how many of the oldest went because there were too many */
  limit(most = MOST_ROWS): number {
    // By rows and not by numbers: what was placed meanwhile has left holes.
    const over = this.#db.prepare('SELECT seq FROM held ORDER BY seq DESC LIMIT 1 OFFSET ?').get(most);
    if (over === undefined) return 0;
    return Number(this.#db.prepare('DELETE FROM held WHERE seq <= ?').run(over.seq ?? 0).changes);
  }
}

const GROUPS = `
SELECT boot, offset, count(json_extract(entry, '$.t')) AS readings,
  coalesce(min(json_extract(entry, '$.t')), min(time)) AS from_time,
  coalesce(max(json_extract(entry, '$.t')), max(time)) AS to_time,
  group_concat(DISTINCT json_extract(entry, '$.s[1]')) AS meters
FROM held GROUP BY boot, offset ORDER BY min(seq)`;

/** What is held, oldest first, groups with gaps alone included; what waits in tail and spool is to be given. */
export function heldGroups(db: DatabaseSync, waiting: readonly Entry[] = []): HeldGroup[] {
  const groups = db
    .prepare(GROUPS)
    .all()
    .map(
      (row): HeldGroup => ({
        boot: String(row.boot),
        offsetMs: Number(row.offset),
        readings: Number(row.readings),
        fromMs: Number(row.from_time),
        toMs: Number(row.to_time),
        meters: String(row.meters).split(','),
      }),
    );
  for (const entry of waiting) if (entry.kind === 'reading' && entry.held) count(groups, entry.reading, entry.held);
  return groups;
}

/** The held entries of a boot. */
export function* heldOfBoot(db: DatabaseSync, boot: string): Generator<Entry> {
  for (const { entry } of db.prepare('SELECT entry FROM held WHERE boot = ?').iterate(boot)) {
    const parsed = parse(String(entry));
    if (parsed) yield parsed;
  }
}

function count(groups: HeldGroup[], { series, timeMs }: Reading, { boot, offsetMs }: Held): void {
  let group = groups.find((one) => one.boot === boot && one.offsetMs === offsetMs);
  if (!group) {
    group = { boot, offsetMs, readings: 0, fromMs: timeMs, toMs: timeMs, meters: [] };
    groups.push(group);
  }
  group.readings++;
  group.fromMs = Math.min(group.fromMs, timeMs);
  group.toMs = Math.max(group.toMs, timeMs);
  if (!group.meters.includes(series.meter)) group.meters.push(series.meter);
}

function parse(text: string): Entry | undefined {
  try {
    return fromRecord(JSON.parse(text) as EntryRecord);
  } catch {
    return undefined;
  }
}

function timeOf(entry: Entry): number {
  return entry.kind === 'gap' ? entry.gap.fromMs : entry.reading.timeMs;
}

/** Two looks at the clocks differ by less. */
const NOISE_MS = 20;

/** Corrected times are whole seconds, or points of the interval when that is shorter. */
export const LARGEST_GRID_MS = 1000;

/** @returns the nearest whole multiple of the grid */
export function snapped(timeMs: number, gridMs: number): number {
  return Math.round(timeMs / gridMs) * gridMs;
}

/** The true time of a point, on the grid, when the clock goes by this offset in truth. */
export function correctedMs(timeMs: number, held: Held, offsetMs: number): number {
  const deltaMs = offsetMs - held.offsetMs;
  return Math.abs(deltaMs) < NOISE_MS ? timeMs : snapped(timeMs + deltaMs, held.gridMs);
}

/** A reading's own account of when in its second it began, in seconds. */
const START = 'start_offset';

/**
 * An entry with its true times, snapped to the grid; `start_offset` takes what the snapping leaves. All entries that were read
 * between two steps of the clock are moved by the same, so that none meets another.
 * @param offsetMs of the clock as it goes now that it is known
 * @returns undefined for a gap that is none after all
 */
export function corrected(entry: Entry, held: Held, offsetMs: number): Entry | undefined {
  const deltaMs = offsetMs - held.offsetMs;
  const moved = (timeMs: number) => correctedMs(timeMs, held, offsetMs);
  if (entry.kind === 'gap') {
    const { series, fromMs, toMs, cause } = entry.gap;
    const gap = { series, fromMs: held.fromMs ?? moved(fromMs), toMs: moved(toMs), cause };
    return gap.fromMs <= gap.toMs ? { kind: 'gap', gap } : undefined;
  }
  const { series, timeMs, values } = entry.reading;
  const newMs = moved(timeMs);
  const leftMs = Math.abs(deltaMs) < NOISE_MS ? 0 : timeMs + deltaMs - newMs;
  const start = values[START];
  const timing = start === undefined ? {} : { [START]: Math.round(start * 10_000 + leftMs * 10) / 10_000 };
  return {
    kind: 'reading',
    reading: { series, timeMs: newMs, values: { ...values, ...timing } },
    decimals: entry.decimals,
  };
}

/** The same entries, with the times that the clock showed moved by this. */
export function shifted({ entry }: HeldRow, byMs: number): Entry[] {
  const fromMs = entry?.held?.fromMs;
  const known = entry && corrected(entry, { boot: TAKEN, offsetMs: 0, gridMs: entry.held?.gridMs ?? 1, fromMs }, byMs);
  return known ? [known] : [];
}

/** The same entries by the clock of their own boot, once it is known. */
export function byClock({ entry }: HeldRow, clock: ClockStamp): Entry[] {
  const known = entry?.held ? corrected(entry, entry.held, clock.offsetMs) : entry;
  return known ? [known] : [];
}
