import { chownSync, closeSync, existsSync, fsyncSync, openSync, renameSync, rmSync } from 'node:fs';
import { DatabaseSync } from 'node:sqlite';
import type { Series } from '../readings/reading.ts';
import { heirIn } from '../system/owner.ts';
import { covers } from './coverage.ts';
import { historyError, historyPath, openHistoryForWriting } from './database.ts';
import { DAY_MS, floorTo, GRID_LEVELS, type GridLevel } from './levels.ts';
import { unpackRollup } from './packing.ts';
import { keptFromMs, noteKeptFrom } from './retention.ts';
import type { Rollup } from './rollup.ts';
import { prepareSchema } from './schema.ts';
import { readHistorySegment } from './segment.ts';
import { DAYS_DUE, HistoryStore } from './store.ts';

/** A roll-up out of a backup. */
interface Restored {
  level: GridLevel;
  series: Series;
  startMs: number;
  rollup: Rollup;
}

function* rollupsOf(bytes: Buffer): Generator<Restored> {
  const { head, rows } = readHistorySegment(bytes);
  const series = new Map(head.series.map(([id, measurement, meter, model]) => [id, { measurement, meter, model }]));
  const layouts = new Map(head.layouts);
  for (const row of rows()) {
    const [one, layout] = [series.get(row.series), layouts.get(row.layout)];
    if (!one || !layout) throw new RangeError('a segment of the history without its series or layout');
    const { level, startMs } = row;
    yield { level, series: one, startMs, rollup: unpackRollup(layout, row.data, level, startMs) };
  }
}

/**
 * Makes a history of segments in a file of its own beside the place where it belongs. It has no position: the collector
 * takes all that the journal has once more, which changes nothing that is right.
 */
export class HistoryRestorer {
  readonly #stateDir: string;
  readonly #draft: string;
  readonly #db: DatabaseSync;
  readonly #store: HistoryStore;
  #rollups = 0;

  /** @throws AgentError */
  constructor(stateDir: string) {
    this.#stateDir = stateDir;
    this.#draft = `${historyPath(stateDir)}.restoring`;
    this.#removeDraft();
    try {
      // A draft that is cut off is made anew: it need not survive anything. Node's defensive flag would keep a journal.
      this.#db = new DatabaseSync(this.#draft, { defensive: false });
      this.#db.exec('PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF; PRAGMA locking_mode = EXCLUSIVE');
      prepareSchema(this.#db, this.#draft);
    } catch (error) {
      throw historyError(stateDir, error);
    }
    this.#store = new HistoryStore(this.#db);
  }

  /** Adds what is in a segment (segment.ts). @throws AgentError when it is no segment, or the disk is full */
  add(bytes: Buffer): void {
    this.#guarded(() =>
      this.#store.transaction(() => {
        for (const { level, series, startMs, rollup } of rollupsOf(bytes)) {
          this.#store.put(level, series, startMs, rollup);
          this.#rollups++;
        }
      }),
    );
  }

  /**
   * The history is whole, and takes its place. One that is there, without a journal, stays beside it.
   * @returns how many roll-ups it has
   */
  finish(): number {
    if (this.#rollups === 0) {
      this.abandon();
      return 0;
    }
    this.#guarded(() => {
      this.#store.transaction(() => noteWhatWasLetGo(this.#store));
      this.#db.close();
      const path = historyPath(this.#stateDir);
      if (existsSync(path)) renameSync(path, `${path}.before-restore`);
      for (const end of ['-wal', '-shm']) rmSync(`${path}${end}`, { force: true });
      const owner = heirIn(this.#stateDir);
      if (owner) chownSync(this.#draft, owner.uid, owner.gid);
      sync(this.#draft);
      renameSync(this.#draft, path);
      sync(this.#stateDir);
    });
    return this.#rollups;
  }

  /** Nothing is left of it. */
  abandon(): void {
    if (this.#db.isOpen) this.#db.close();
    this.#removeDraft();
  }

  #removeDraft(): void {
    for (const end of ['', '-journal']) rmSync(`${this.#draft}${end}`, { force: true });
  }

  #guarded<T>(work: () => T): T {
    try {
      return work();
    } catch (error) {
      throw historyError(this.#stateDir, error);
    }
  }
}

/** Where only the coarser level goes back further, retention had let the finer one go. */
function noteWhatWasLetGo(store: HistoryStore): void {
  const [minute, quarter, hour] = GRID_LEVELS.map((level) => store.ends(level)?.firstMs ?? Number.POSITIVE_INFINITY);
  const note = (level: GridLevel, first = 0, coarser = 0) => {
    if (coarser < floorTo(DAY_MS, first) && first !== Number.POSITIVE_INFINITY)
      noteKeptFrom(store, level, floorTo(DAY_MS, first));
  };
  note('minute', minute, quarter);
  note('quarter', quarter, hour);
}

/**
 * Adds roll-ups of a backup to the history that is there, beside a collector that goes on: one that knows as much or more
 * stays as it is.
 * @returns how many came new
 * @throws AgentError
 */
export function mergeHistory(stateDir: string, bytes: Buffer): number {
  const db = openHistoryForWriting(stateDir);
  try {
    const store = new HistoryStore(db);
    return store.transaction(() => {
      let added = 0;
      let firstMs = Number.POSITIVE_INFINITY;
      for (const { level, series, startMs, rollup } of rollupsOf(bytes)) {
        if (startMs < keptFromMs(store, level) || !isMore(store, level, series, startMs, rollup)) continue;
        store.put(level, series, startMs, rollup);
        firstMs = Math.min(firstMs, startMs);
        added++;
      }
      const due = store.load(DAYS_DUE);
      if (added > 0) store.save(DAYS_DUE, Math.min(firstMs, due === undefined ? firstMs : Number(due)));
      return added;
    });
  } catch (error) {
    throw historyError(stateDir, error);
  } finally {
    db.close();
  }
}

function isMore(store: HistoryStore, level: GridLevel, series: Series, startMs: number, rollup: Rollup): boolean {
  const id = store.idOf(series);
  const known = id === undefined ? undefined : store.find(level, id, startMs);
  if (known === undefined) return true;
  const hasAll = [...known.fields].every(([name, { count }]) => (rollup.fields.get(name)?.count ?? 0) >= count);
  return hasAll && rollup.count > known.count && covers(rollup.covered, known.covered);
}

function sync(path: string): void {
  const fd = openSync(path, 'r');
  try {
    fsyncSync(fd);
  } finally {
    closeSync(fd);
  }
}
