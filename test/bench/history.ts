import { mkdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { historyPath, openHistoryForWriting } from '../../agent/history/database.ts';
import { History } from '../../agent/history/history.ts';
import { HistoryKeeper } from '../../agent/history/keeper.ts';
import { DAY_MS } from '../../agent/history/levels.ts';
import type { Rollup } from '../../agent/history/rollup.ts';
import { DAYS_DUE, HistoryStore, LEVELS, ZONE } from '../../agent/history/store.ts';
import { Committer } from '../../agent/journal/committer.ts';
import { journalPath, openForWriting } from '../../agent/journal/database.ts';
import type { Entry } from '../../agent/journal/entry.ts';
import { State } from '../../agent/journal/state.ts';
import { WE_515 } from '../../agent/meters/orno.ts';
import { Household } from '../../agent/simulator/household.ts';
import { VirtualMeter } from '../../agent/simulator/virtual-meter.ts';
import { type Figures, quantile, type Row } from './table.ts';
import { Workplace } from './workplace.ts';

const HOUSE = { measurement: 'energy', meter: 'house', model: 'we-515' };
const ZONE_NAME = 'UTC';
const FOR_EVER = { minute: undefined, quarter: undefined, hour: undefined };
const DAYS = 365;
const RAW_DAYS = 30;
const RUNS = 15;
const COMMIT_S = 300;
const PASS_S = 900;

/** A day of a household, a reading a second. */
function day(fromMs: number): Entry[] {
  const decimals = Object.fromEntries(WE_515.fields.map((field) => [field.quantity, field.decimals]));
  const meter = new VirtualMeter({ model: WE_515, load: new Household({ seed: 1 }) }, fromMs);
  return Array.from({ length: DAY_MS / 1000 }, (_, second) => {
    const timeMs = fromMs + second * 1000;
    meter.advance(timeMs);
    const values = { ...meter.values(), start_offset: 0.001, duration: 0.21 };
    const places = { ...decimals, start_offset: 3, duration: 3 };
    return { kind: 'reading', reading: { series: HOUSE, timeMs, values }, decimals: places };
  });
}

function keepUp(stateDir: string): void {
  const keeper = new HistoryKeeper({ stateDir, timeZone: ZONE_NAME, retention: FOR_EVER });
  while (keeper.step());
  keeper.close();
}

const seconds = (ms: number) => `${(ms / 1000).toFixed(2)} s`;
const megabytes = (bytes: number) => `${(bytes / 1e6).toFixed(1)} MB`;

/** Commits of five minutes, as the collector's; then the history in one pass. */
function appendDay(stateDir: string, entries: readonly Entry[]): Row {
  const startMs = performance.now();
  const db = openForWriting(stateDir);
  const committer = new Committer(db, new State(db));
  for (let at = 0; at < entries.length; at += COMMIT_S) committer.commit([entries.slice(at, at + COMMIT_S)]);
  db.close();
  const committedMs = performance.now() - startMs;
  keepUp(stateDir);
  const rolledMs = performance.now() - startMs - committedMs;
  return {
    figure: 'a day appended, 86 400 readings of a WE-515 in 288 commits, and rolled up',
    asked: '<= 3 s',
    measured: `${seconds(committedMs)} and ${seconds(rolledMs)}`,
    met: committedMs + rolledMs <= 3000,
  };
}

/** Bytes that this process made the kernel send to storage, without those of files that were removed before (proc(5)). */
function written(): number {
  const io = readFileSync('/proc/self/io', 'utf8');
  const field = (name: string) => Number(new RegExp(`^${name}: (\\d+)`, 'm').exec(io)?.[1]);
  return field('write_bytes') - field('cancelled_write_bytes');
}

/** A pass each quarter of an hour, as beside a collector: what passes alone write. */
function passes(stateDir: string, entries: readonly Entry[]): Row {
  let bytes = 0;
  const db = openForWriting(stateDir);
  const committer = new Committer(db, new State(db));
  const hours = 6;
  for (let at = 0; at < hours * 3600; at += PASS_S) {
    for (let from = at; from < at + PASS_S; from += COMMIT_S) committer.commit([entries.slice(from, from + COMMIT_S)]);
    const before = written();
    keepUp(stateDir);
    bytes += written() - before;
  }
  db.close();
  const hourly = bytes / hours;
  return {
    figure: 'written to disk by the history, per meter and hour',
    asked: '<= 0.5 MB',
    measured: `${(hourly / 1e6).toFixed(2)} MB`,
    met: hourly > 0 && hourly <= 0.5e6,
  };
}

function shifted(rollup: Rollup, byMs: number): Rollup {
  const fields = [...rollup.fields].map(([name, field]) => {
    const lastMs = field.lastMs - byMs;
    return [
      name,
      field.kind === 'counter' ? { ...field, lastMs, firstMs: field.firstMs - byMs } : { ...field, lastMs },
    ] as const;
  });
  return { ...rollup, firstMs: rollup.firstMs - byMs, lastMs: rollup.lastMs - byMs, fields: new Map(fields) };
}

/** The roll-ups of a day as those of all days of a year before it: to read 31 million readings would take minutes. */
function fillYear(stateDir: string, dayMs: number): void {
  const db = openHistoryForWriting(stateDir);
  const store = new HistoryStore(db);
  const rows = LEVELS.map((level) => [level, [...store.range(level, dayMs, dayMs + DAY_MS)]] as const);
  for (let n = DAYS - 1; n > 0; n--) {
    store.transaction(() => {
      for (const [level, all] of rows) {
        for (const { startMs, rollup } of all)
          store.put(level, HOUSE, startMs - n * DAY_MS, shifted(rollup, n * DAY_MS));
      }
    });
  }
  store.save(ZONE, ZONE_NAME);
  store.remove(DAYS_DUE);
  db.close();
}

/** Each time from opening the files to the last point. */
function chart(figure: string, askedMs: number, read: () => number, points: number): Row {
  const times = Array.from({ length: RUNS }, () => {
    const startMs = performance.now();
    const found = read();
    if (found !== points) throw new Error(`${figure}: ${found} points, not ${points}`);
    return performance.now() - startMs;
  });
  const median = quantile(times, 0.5);
  const measured = `median ${median.toFixed(0)} ms, first ${times[0]?.toFixed(0)} ms`;
  return { figure, asked: `<= ${askedMs} ms`, measured, met: median <= askedMs };
}

/** A journal of yesterday and of today's first seconds, with a history of a year. @returns when it ends, UTC ms */
export function fillStateDir(stateDir: string): number {
  const dayMs = Math.floor(Date.now() / DAY_MS) * DAY_MS - DAY_MS;
  appendDay(stateDir, day(dayMs));
  fillYear(stateDir, dayMs);
  return dayMs + DAY_MS;
}

export async function history(): Promise<Figures> {
  using workplace = new Workplace();
  const place = (name: string) => {
    const path = join(workplace.directory, name);
    mkdirSync(path);
    return path;
  };
  const dayMs = Math.floor(Date.now() / DAY_MS) * DAY_MS - DAY_MS;
  const entries = day(dayMs);
  // The first run fills the compiler's caches.
  const stateDir = place('state');
  appendDay(place('warm'), entries.slice(0, 3600));
  const appended = appendDay(stateDir, entries);
  const journalBytes = statSync(journalPath(stateDir)).size;
  fillYear(stateDir, dayMs);
  const historyBytes = statSync(historyPath(stateDir)).size;
  // The newest quarter of an hour is not in the history yet.
  const late = day(dayMs + DAY_MS).slice(0, PASS_S);
  const db = openForWriting(stateDir);
  new Committer(db, new State(db)).commit([late]);
  db.close();
  const read = (days: number, resolution: 'minute' | 'hour' | 'day', quantities?: string[]) => () => {
    const reader = new History(stateDir, ZONE_NAME);
    const toMs = dayMs + DAY_MS + PASS_S * 1000;
    const [house] = reader.points({ fromMs: toMs - days * DAY_MS, toMs }, resolution, quantities);
    reader.close();
    return house?.points.length ?? 0;
  };
  const shown = ['active_power', 'active_energy'];
  const total = RAW_DAYS * journalBytes + historyBytes;
  return {
    title: 'Figures of the history',
    complete: true,
    remarks: [
      'A household behind a WE-515 at 1 Hz, 19 quantities. Charts are read from files that are in the page cache, with the newest quarter of an hour computed from readings. The year is one day 365 times.',
    ],
    rows: [
      appended,
      chart('a day’s chart, 1440 minutes of power and energy', 50, read(1, 'minute', shown), 1440),
      chart('the same, all 19 quantities', 50, read(1, 'minute'), 1440),
      chart('a year’s chart, 365 days, all quantities', 100, read(364, 'day'), 365),
      chart('a year’s chart, 8737 hours of power and energy', 100, read(364, 'hour', shown), 364 * 24 + 1),
      {
        figure: 'a year of one meter on disk: 30 days of readings, 365 days of minutes and longer',
        asked: '<= 350 MB',
        measured: `${megabytes(total)}: ${megabytes(RAW_DAYS * journalBytes)} and ${megabytes(historyBytes)}`,
        met: total <= 350e6,
      },
      passes(place('passes'), entries),
    ],
  };
}
