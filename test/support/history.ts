import { onTestFinished } from 'vitest';
import { History } from '../../agent/history/history.ts';
import { HistoryKeeper, type KeeperOptions } from '../../agent/history/keeper.ts';
import { Committer } from '../../agent/journal/committer.ts';
import { openForWriting } from '../../agent/journal/database.ts';
import { Importer } from '../../agent/journal/importer.ts';
import { State } from '../../agent/journal/state.ts';
import type { Reading, Series } from '../../agent/readings/reading.ts';
import { FOR_EVER } from './history-options.ts';

export { FOR_EVER } from './history-options.ts';

/** Of all quantities that the tests use. */
export const PLACES: Readonly<Record<string, number>> = {
  voltage: 2,
  current: 3,
  active_power: 0,
  reactive_power: 0,
  active_energy: 2,
  active_energy_t1: 2,
  active_energy_t2: 2,
  reactive_energy: 2,
  uptime_seconds: 0,
  throttled: 0,
  network_sent_bytes: 0,
};

/** Into the database, as a collector's commit; not while it runs. */
export function commit(stateDir: string, readings: readonly Reading[], decimals = PLACES): void {
  const db = openForWriting(stateDir);
  new Committer(db, new State(db)).commit([readings.map((reading) => ({ kind: 'reading', reading, decimals }))]);
  db.close();
}

/** As an import brings them, beside whatever runs. */
export function bring(stateDir: string, readings: readonly Reading[], decimals = PLACES): void {
  const importer = new Importer(stateDir);
  importer.begin();
  importer.store(
    readings.map((reading) => ({ reading, decimals })),
    { key: undefined, value: () => undefined },
  );
  importer.finish([]);
  importer.close();
}

/** Brings the history up to date. @returns how many transactions it took */
export function keepUp(stateDir: string, options: Partial<KeeperOptions> = {}, nowMs?: number): number {
  const keeper = new HistoryKeeper({ stateDir, timeZone: 'Europe/Berlin', retention: FOR_EVER, ...options });
  try {
    let steps = 1;
    while (keeper.step(nowMs)) steps++;
    return steps;
  } finally {
    keeper.close();
  }
}

export function openHistory(stateDir: string, timeZone?: string, mostRows?: number): History {
  const history = new History(stateDir, timeZone, mostRows);
  onTestFinished(() => history.close());
  return history;
}

/** Readings of a series each `stepMs`, with values of their time. */
export function readingsOf(
  series: Series,
  fromMs: number,
  count: number,
  stepMs: number,
  valuesAt: (timeMs: number, i: number) => Reading['values'],
): Reading[] {
  return Array.from({ length: count }, (_, i) => {
    const timeMs = fromMs + i * stepMs;
    return { series, timeMs, values: valuesAt(timeMs, i) };
  });
}
