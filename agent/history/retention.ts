import { presentOf } from '../journal/retention.ts';
import { DAY_MS, floorTo, GRID_LEVELS, type GridLevel, HOUR_MS } from './levels.ts';
import type { HistoryStore } from './store.ts';

/** How long each level is kept, ms; undefined: for ever. Days are made from hours, and stay as long as these. */
export type HistoryRetention = Readonly<Record<GridLevel, number | undefined>>;

/** A clock that is wrong for a while must not cost everything. */
const DAYS_AT_ONCE = 10;

const keptKey = (level: GridLevel) => `keptFrom/${level}`;

/** From when on a level is whole; before, retention has let it go. UTC ms. */
export function keptFromMs(store: HistoryStore, level: GridLevel): number {
  return Number(store.load(keptKey(level)) ?? 0);
}

export function noteKeptFrom(store: HistoryStore, level: GridLevel, timeMs: number): void {
  store.save(keptKey(level), Math.max(timeMs, keptFromMs(store, level)));
}

/**
 * Deletes what is too old, whole UTC days, a few with each pass: all minutes of an hour go together, or none. To be used
 * within a transaction.
 */
export function applyHistoryRetention(store: HistoryStore, retention: HistoryRetention, nowMs: number): void {
  const newestMs = store.ends('hour')?.lastMs;
  if (newestMs === undefined) return;
  const at = (side: 'from' | 'before', timeMs: number) =>
    side === 'from' ? store.next('hour', timeMs) : store.last('hour', timeMs);
  const presentMs = Math.min(nowMs, presentOf(newestMs, at) + HOUR_MS);
  for (const level of GRID_LEVELS) {
    const keepMs = retention[level];
    const oldest = store.ends(level);
    if (keepMs === undefined || !oldest) continue;
    const wantedMs = floorTo(DAY_MS, presentMs - keepMs);
    if (oldest.firstMs >= wantedMs) continue;
    const boundMs = Math.min(wantedMs, floorTo(DAY_MS, oldest.firstMs) + DAYS_AT_ONCE * DAY_MS);
    store.deleteBefore(level, boundMs);
    if (level === 'hour') store.deleteBefore('day', boundMs);
    noteKeptFrom(store, level, boundMs);
  }
}
