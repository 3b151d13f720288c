import { chownSync, closeSync, existsSync, fsyncSync, openSync, renameSync, rmSync, statfsSync } from 'node:fs';
import { dirname } from 'node:path';
import { DatabaseSync, type StatementSync } from 'node:sqlite';
import { AgentError } from '../system/errors.ts';
import { heirIn, type Owner } from '../system/owner.ts';
import { Catalogue } from './catalogue.ts';
import { HISTORY_CONSUMER } from './cursors.ts';
import { ensureStateDir, journalPath, storageError } from './database.ts';
import { readingKey } from './keys.ts';
import { CollectorLock } from './lock.ts';
import { isOfFile } from './own-state.ts';
import { readWal } from './salvage/wal.ts';
import { markAllDays, prepareSchema, withoutDayMarks } from './schema.ts';
import { layoutFields, readSegment } from './segment-reader.ts';
import { setAside } from './set-aside.ts';

/** Rows of the tables beside the readings, as a snapshot of the journal has them in `state.json`. */
export interface JournalState {
  cursor: Record<string, string | number>[];
  quarantine: Record<string, string | number>[];
  /** What some server has not taken of what arrived late; null when it was too much; absent in the oldest. */
  late?: { seq: number; key: number }[] | null;
  state: { key: string; value: string }[];
}

/**
 * Makes a journal of segments, in a file of its own beside the place where it belongs: there it is only when it is whole.
 * Meanwhile no collector starts in that directory.
 */
export class JournalRestorer {
  readonly #stateDir: string;
  readonly #draft: string;
  readonly #db: DatabaseSync;
  readonly #lock: CollectorLock;
  readonly #catalogue: Catalogue;
  readonly #insertSeries: StatementSync;
  readonly #insertReading: StatementSync;
  readonly #insertGap: StatementSync;

  /**
   * @param bytes that it will need on the disk
   * @throws AgentError `storage` when there is a journal already, or no room; `locked` while a collector runs there
   */
  constructor(stateDir: string, bytes: number) {
    ensureStateDir(stateDir);
    this.#stateDir = stateDir;
    this.#draft = `${journalPath(stateDir)}.restoring`;
    this.#lock = CollectorLock.acquire(stateDir);
    try {
      this.#requireNoJournal();
      this.#removeDraft();
      requireRoom(stateDir, bytes);
      this.#db = this.#guarded(() => openDraft(this.#draft));
    } catch (error) {
      this.#lock.release();
      throw error;
    }
    this.#catalogue = new Catalogue(this.#db);
    this.#insertSeries = this.#db.prepare(
      'INSERT OR IGNORE INTO series (id, measurement, meter, model) VALUES (?, ?, ?, ?)',
    );
    this.#insertReading = this.#db.prepare('INSERT OR REPLACE INTO reading (key, layout, data) VALUES (?, ?, ?)');
    this.#insertGap = this.#db.prepare(
      'INSERT OR REPLACE INTO gap (series, from_time, to_time, cause) VALUES (?, ?, ?, ?)',
    );
  }

  /**
   * Adds what is in a segment (segment.ts).
   * @returns readings by measurement
   * @throws AgentError when it is no segment, or the disk is full
   */
  add(bytes: Buffer): Record<string, number> {
    return this.#guarded(() => {
      const { head, rows } = readSegment(bytes);
      const counts: Record<string, number> = {};
      this.#db.exec('BEGIN');
      const series = new Map(
        head.series.map(([id, measurement, meter, model]) => {
          // The same id where it is free: positions of servers hold it.
          this.#insertSeries.run(id, measurement, meter, model);
          const here = this.#catalogue.seriesId({ measurement, meter, model });
          return [id, { here, measurement }];
        }),
      );
      const layouts = new Map(head.layouts.map(([id]) => [id, this.#catalogue.layoutId(layoutFields(head, id))]));
      for (const row of rows()) {
        const { here, measurement } = known(series, row.series);
        this.#insertReading.run(readingKey(row.timeMs, here), known(layouts, row.layout), row.data);
        counts[measurement] = (counts[measurement] ?? 0) + 1;
      }
      for (const [id, fromMs, toMs, cause] of head.gaps)
        this.#insertGap.run(known(series, id).here, fromMs, toMs, cause);
      this.#db.exec('COMMIT');
      return counts;
    });
  }

  /** The positions of the servers, the quarantine and what was learned. */
  addState({ cursor, quarantine, late, state }: JournalState): void {
    this.#guarded(() => {
      // The history takes all of what came back: it may be another, or an older one.
      const servers = cursor.filter(({ consumer }) => consumer !== HISTORY_CONSUMER);
      // Where what arrived late is not known, servers take all again: that harms nothing.
      this.#insertAll('cursor', late ? servers : servers.map((row) => ({ ...row, key: 0, late: 0 })));
      this.#insertAll('late', late ?? []);
      const newest = Math.max(
        0,
        ...(late ? cursor : []).map((row) => Number(row.late)),
        ...(late ?? []).map(({ seq }) => seq),
      );
      // Numbers go on behind those that servers have passed.
      this.#db.exec(
        `DELETE FROM sqlite_sequence WHERE name = 'late'; INSERT INTO sqlite_sequence VALUES ('late', ${newest})`,
      );
      this.#insertAll('quarantine', quarantine);
      const ours = state.filter(({ key }) => !isOfFile(key));
      this.#insertAll('state', ours);
    });
  }

  /** The journal is whole: from now on it is there, and durable. */
  finish(): void {
    this.#guarded(() => {
      markAllDays(this.#db);
      this.#db.close();
      // A collector that could not start may have made an empty one.
      this.#requireNoJournal();
      giveTo(heirIn(this.#stateDir), this.#draft);
      syncPath(this.#draft);
      renameSync(this.#draft, journalPath(this.#stateDir));
      syncPath(this.#stateDir);
    });
    this.#lock.release();
  }

  /** Nothing is left of it. */
  abandon(): void {
    if (this.#db.isOpen) this.#db.close();
    this.#removeDraft();
    this.#lock.release();
  }

  #insertAll(table: string, rows: readonly Record<string, string | number>[]): void {
    for (const row of rows) {
      const columns = Object.keys(row);
      const places = columns.map(() => '?').join(', ');
      this.#db.prepare(`INSERT INTO ${table} (${columns.join(', ')}) VALUES (${places})`).run(...Object.values(row));
    }
  }

  /** What lies beside a journal that is gone would be taken for the new one's; the newest readings can be in it. */
  #requireNoJournal(): void {
    const path = journalPath(this.#stateDir);
    requireNoJournal(this.#stateDir);
    if (!existsSync(path) && readWal(`${path}-wal`).frames.length > 0) setAside(this.#stateDir, Date.now());
    for (const end of ['', '-wal', '-shm', '-journal']) rmSync(`${path}${end}`, { force: true });
  }

  #removeDraft(): void {
    for (const end of ['', '-journal']) rmSync(`${this.#draft}${end}`, { force: true });
  }

  #guarded<T>(work: () => T): T {
    try {
      return work();
    } catch (error) {
      throw storageError(this.#draft, error);
    }
  }
}

/**
 * Whether a journal could be restored there, without making anything.
 * @throws AgentError `storage` when there is one already, or no room for so many bytes
 */
export function requirePlace(stateDir: string, bytes: number): void {
  requireNoJournal(stateDir);
  let there = stateDir;
  while (!existsSync(there)) there = dirname(there);
  requireRoom(there, bytes);
}

function requireNoJournal(stateDir: string): void {
  const path = journalPath(stateDir);
  let empty: boolean;
  try {
    empty = isEmpty(path);
  } catch (error) {
    throw storageError(path, error);
  }
  if (empty) return;
  throw new AgentError('storage', `there is a journal in ${stateDir} already`, {
    hint: 'restore into another --state-dir, or add what is missing in it with --merge',
  });
}

/** @returns also true where there is none */
function isEmpty(path: string): boolean {
  if (!existsSync(path)) return true;
  const db = new DatabaseSync(path, { readOnly: true });
  try {
    const tables = db.prepare("SELECT count(*) AS n FROM sqlite_master WHERE name IN ('reading', 'gap')").get();
    if (tables?.n === 0) return false;
    return db.prepare('SELECT 1 FROM reading UNION ALL SELECT 1 FROM gap LIMIT 1').get() === undefined;
  } finally {
    db.close();
  }
}

/** A draft that is cut off is made anew: it need not survive anything. */
function openDraft(path: string): DatabaseSync {
  // Node's defensive flag would keep a rollback journal.
  const db = new DatabaseSync(path, { defensive: false });
  db.exec(
    'PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF; PRAGMA locking_mode = EXCLUSIVE; PRAGMA cache_size = -4096;',
  );
  prepareSchema(db, path);
  withoutDayMarks(db);
  return db;
}

function requireRoom(stateDir: string, bytes: number): void {
  const { bavail, bsize } = statfsSync(stateDir);
  if (bavail * bsize >= bytes) return;
  const [needed, free] = [bytes, bavail * bsize].map((n) => `${Math.ceil(n / 1e6)} MB`);
  throw new AgentError('storage', `the journal needs ${needed} in ${stateDir}, and ${free} are free`, {
    hint: 'make room there, or name another --state-dir',
  });
}

function giveTo(owner: Owner | undefined, path: string): void {
  if (owner) chownSync(path, owner.uid, owner.gid);
}

function syncPath(path: string): void {
  const fd = openSync(path, 'r');
  try {
    fsyncSync(fd);
  } finally {
    closeSync(fd);
  }
}

function known<T>(map: ReadonlyMap<number, T>, id: number): T {
  const value = map.get(id);
  if (value === undefined) throw new RangeError(`a segment without its ${id}`);
  return value;
}
