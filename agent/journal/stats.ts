import { statSync } from 'node:fs';
import type { DatabaseSync } from 'node:sqlite';
import { guardedReads } from './damage-note.ts';
import { journalPath, openForReading } from './database.ts';
import { firstKeyAt, SERIES_SLOTS, timeOfKey } from './keys.ts';
import { type RetentionLimits, usedBytes } from './retention.ts';
import { type AsideReport, asideReports } from './salvage/reports.ts';
import { DAY_MS } from './segment.ts';

export interface SeriesStats {
  measurement: string;
  meter: string;
  model: string;
  readings: number;
  gaps: number;
  /** UTC ms of the first and the last reading; null without any. */
  fromMs: number | null;
  toMs: number | null;
}

export interface JournalStats {
  stateDir: string;
  /** Of the file, and of what lies beside it until it is in the file. */
  fileBytes: number;
  walBytes: number;
  /** What data takes, and what is free in the file for more. */
  usedBytes: number;
  freeBytes: number;
  series: SeriesStats[];
  /** Of the last days, which were as the days to come will be; null before there is an hour. */
  bytesPerDay: number | null;
  retention: {
    maxAgeMs: number | undefined;
    maxBytes: number | undefined;
    /** What the file settles at, where readings go by their age before it is full; null where the size comes first. */
    settlesAtBytes: number | null;
    /** Days that the size holds, at that rate; null where the age comes first, or nothing bounds it. */
    daysHeld: number | null;
  };
  setAside: AsideReport[];
}

/** Less is mostly pages that are not full yet. */
const LEAST_SPAN_MS = 3_600_000;
/** So many days back from the newest reading tell what a day takes. */
const RATE_DAYS = 7;

/** Counts what is committed, beside a collector that goes on. @throws AgentError */
export function journalStats(stateDir: string, limits: RetentionLimits): JournalStats {
  return guardedReads(stateDir)(() => {
    const db = openForReading(stateDir);
    try {
      db.exec('BEGIN');
      return gather(db, stateDir, limits);
    } finally {
      db.close();
    }
  });
}

function gather(db: DatabaseSync, stateDir: string, { maxAgeMs, maxBytes }: RetentionLimits): JournalStats {
  const path = journalPath(stateDir);
  const size = (file: string) => statSync(file, { throwIfNoEntry: false })?.size ?? 0;
  const used = usedBytes(db);
  const pages = Number(db.prepare('PRAGMA page_count').get()?.page_count) * pageBytes(db);
  const bytesPerDay = rateOf(db, used);
  return {
    stateDir,
    fileBytes: size(path),
    walBytes: size(`${path}-wal`),
    usedBytes: used,
    freeBytes: pages - used,
    series: seriesStats(db),
    bytesPerDay,
    retention: { maxAgeMs, maxBytes, ...outlook(bytesPerDay, maxAgeMs, maxBytes) },
    setAside: asideReports(stateDir, db),
  };
}

/** Which of the two bounds comes first, at that rate. */
function outlook(
  bytesPerDay: number | null,
  maxAgeMs: number | undefined,
  maxBytes: number | undefined,
): Pick<JournalStats['retention'], 'settlesAtBytes' | 'daysHeld'> {
  if (!bytesPerDay) return { settlesAtBytes: null, daysHeld: null };
  const byAge = maxAgeMs === undefined ? Number.POSITIVE_INFINITY : (bytesPerDay * maxAgeMs) / DAY_MS;
  if (byAge <= (maxBytes ?? Number.POSITIVE_INFINITY))
    return { settlesAtBytes: Number.isFinite(byAge) ? byAge : null, daysHeld: null };
  return { settlesAtBytes: null, daysHeld: maxBytes === undefined ? null : maxBytes / bytesPerDay };
}

const pageBytes = (db: DatabaseSync) => Number(db.prepare('PRAGMA page_size').get()?.page_size);

function seriesStats(db: DatabaseSync): SeriesStats[] {
  const rows = db
    .prepare(
      `SELECT key % ${SERIES_SLOTS} AS id, count(*) AS n, min(key) AS first, max(key) AS last FROM reading GROUP BY id`,
    )
    .all() as { id: number; n: number; first: number; last: number }[];
  const readings = new Map(rows.map((row) => [row.id, row]));
  const gaps = new Map(
    db
      .prepare('SELECT series, count(*) AS n FROM gap GROUP BY series')
      .all()
      .map((row) => [Number(row.series), Number(row.n)]),
  );
  return db
    .prepare('SELECT id, measurement, meter, model FROM series ORDER BY measurement, meter, model')
    .all()
    .map((row) => {
      const own = readings.get(Number(row.id));
      return {
        measurement: String(row.measurement),
        meter: String(row.meter),
        model: String(row.model),
        readings: own?.n ?? 0,
        gaps: gaps.get(Number(row.id)) ?? 0,
        fromMs: own ? timeOfKey(own.first) : null,
        toMs: own ? timeOfKey(own.last) : null,
      };
    });
}

/** What data takes a reading, times the readings of the last days. */
function rateOf(db: DatabaseSync, used: number): number | null {
  const { n, first, last } = db
    .prepare('SELECT count(*) AS n, min(key) AS first, max(key) AS last FROM reading')
    .get() as { n: number; first: number | null; last: number | null };
  if (first === null || last === null || n < 2) return null;
  const fromMs = Math.max(timeOfKey(first), timeOfKey(last) - RATE_DAYS * DAY_MS);
  const spanMs = timeOfKey(last) - fromMs;
  if (spanMs < LEAST_SPAN_MS) return null;
  const recent = Number(db.prepare('SELECT count(*) AS n FROM reading WHERE key >= ?').get(firstKeyAt(fromMs))?.n);
  return ((used / n) * recent * DAY_MS) / spanMs;
}

export function statsText(stats: JournalStats): string {
  const { bytesPerDay, retention, series, setAside } = stats;
  const lines = [
    `journal     ${megabytes(stats.fileBytes)} in ${stats.stateDir}, ${megabytes(stats.walBytes)} in the write-ahead file`,
    `  data      ${megabytes(stats.usedBytes)}, ${megabytes(stats.freeBytes)} free for more without growing`,
  ];
  if (bytesPerDay !== null) lines.push(`  growth    ${megabytes(bytesPerDay)} a day`);
  lines.push(`  retention ${retentionText(retention)}`);
  for (const one of series) {
    const span = one.fromMs === null || one.toMs === null ? '' : `, ${date(one.fromMs)} to ${date(one.toMs)}`;
    lines.push(
      `series      ${one.measurement} ${one.meter} (${one.model}): ${one.readings} readings, ${one.gaps} gaps${span}`,
    );
  }
  for (const { path, bytes } of setAside) lines.push(`set aside   ${path}, ${megabytes(bytes)}`);
  return `${lines.join('\n')}\n`;
}

function retentionText({ maxAgeMs, maxBytes, settlesAtBytes, daysHeld }: JournalStats['retention']): string {
  const rules = [
    ...(maxAgeMs === undefined ? [] : [`older than ${days(maxAgeMs / DAY_MS)} go`]),
    ...(maxBytes === undefined ? [] : [`beyond ${megabytes(maxBytes)} the oldest go`]),
  ];
  if (rules.length === 0) return 'nothing goes';
  const held = daysHeld === null ? '' : `; the size comes first, and holds about ${days(daysHeld)}`;
  const settled = settlesAtBytes === null ? '' : `; the age comes first, at about ${megabytes(settlesAtBytes)}`;
  return `${rules.join('; ')}${held}${settled}`;
}

const megabytes = (bytes: number) => `${(bytes / 1e6).toFixed(bytes < 1e7 ? 1 : 0)} MB`;
const days = (count: number) => `${count < 10 ? count.toFixed(1) : Math.round(count)} days`;
const date = (ms: number) => new Date(ms).toISOString().slice(0, 19);
