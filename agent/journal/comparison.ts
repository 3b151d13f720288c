import type { DatabaseSync } from 'node:sqlite';
import { journalPath, openForReading, storageError } from './database.ts';
import { firstKeyAt, SERIES_SLOTS } from './keys.ts';
import { DAY_MS, journalDays } from './segment.ts';

/** A UTC day on which two journals have other readings. */
export interface DayDifference {
  /** `2026-03-01` */
  day: string;
  measurement: string;
  /** Readings of the first that the second has not. */
  missing: number;
  /** Readings of the second that the first has not. */
  gone: number;
  /** Readings of both with other values. */
  different: number;
  /** Of the day in the first journal, as in its table `day`; undefined where it has none. */
  mark: number | undefined;
}

export interface JournalComparison {
  /** Readings of the second that were looked for in the first. */
  compared: number;
  differences: DayDifference[];
}

interface Counts {
  measurement: string;
  n: number;
}

/** Ids of series and layouts are those of one journal: what they stand for is compared. */
const MAPS = `
CREATE TEMP TABLE series_map AS SELECT theirs.id AS other, ours.id AS own, theirs.measurement
  FROM other.series AS theirs LEFT JOIN main.series AS ours USING (measurement, meter, model);
CREATE UNIQUE INDEX temp.series_map_other ON series_map (other);
CREATE TEMP TABLE layout_map AS SELECT theirs.id AS other, ours.id AS own
  FROM other.layout AS theirs LEFT JOIN main.layout AS ours USING (fields);
CREATE UNIQUE INDEX temp.layout_map_other ON layout_map (other);`;

const OTHERS = `
SELECT measurement, count(*) AS n, sum(ours.key IS NULL) AS gone,
  sum(ours.key IS NOT NULL AND (ours.layout IS NOT layout_map.own OR ours.data <> theirs.data)) AS different
FROM other.reading AS theirs
JOIN series_map ON series_map.other = theirs.key % ${SERIES_SLOTS}
LEFT JOIN layout_map ON layout_map.other = theirs.layout
LEFT JOIN main.reading AS ours ON ours.key = theirs.key - theirs.key % ${SERIES_SLOTS} + series_map.own
WHERE theirs.key >= ? AND theirs.key < ? GROUP BY measurement`;

const OWN = `
SELECT measurement, count(*) AS n FROM main.reading JOIN main.series ON series.id = key % ${SERIES_SLOTS}
WHERE key >= ? AND key < ? GROUP BY measurement`;

/**
 * Compares the committed readings of a journal with those of another one, such as its restored backup, day by day, while
 * the collector goes on.
 * @param untilMs UTC; what is later is not looked at
 * @param onProgress told of days
 * @throws AgentError `storage` when one of them cannot be read
 */
export function compareJournals(
  stateDir: string,
  otherStateDir: string,
  untilMs: number,
  onProgress: (done: number, all: number) => void = () => {},
): JournalComparison {
  const db = openForReading(stateDir);
  try {
    openForReading(otherStateDir).close();
    db.prepare('ATTACH DATABASE ? AS other').run(journalPath(otherStateDir));
    return compared(db, untilMs, onProgress);
  } catch (error) {
    throw storageError(journalPath(stateDir), error);
  } finally {
    db.close();
  }
}

function compared(db: DatabaseSync, untilMs: number, onProgress: (done: number, all: number) => void) {
  db.exec(MAPS);
  const [others, own] = [db.prepare(OTHERS), db.prepare(OWN)];
  const oldest = db.prepare('SELECT min(key) AS key FROM main.reading');
  const theirDays = db.prepare('SELECT day FROM other.day').all() as unknown as { day: number }[];
  const marks = new Map(journalDays(db).map(({ day, mark }) => [day, mark]));
  const days = [...new Set([...journalDays(db), ...theirDays].map(({ day }) => day))].sort((a, b) => a - b);
  const result: JournalComparison = { compared: 0, differences: [] };
  for (const [i, day] of days.entries()) {
    // One state of the journal for all questions of a day. What retention has let go before is no loss.
    db.exec('BEGIN');
    const first = Number(oldest.get()?.key ?? 0);
    const from = Math.max(first, firstKeyAt(day * DAY_MS));
    const to = firstKeyAt(Math.min((day + 1) * DAY_MS, untilMs));
    const theirs = others.all(from, to) as unknown as (Counts & { gone: number; different: number })[];
    const ours = new Map((own.all(from, to) as unknown as Counts[]).map(({ measurement, n }) => [measurement, n]));
    db.exec('COMMIT');
    for (const measurement of [...new Set([...ours.keys(), ...theirs.map((one) => one.measurement)])].sort()) {
      const { n, gone, different } = theirs.find((one) => one.measurement === measurement) ?? NOTHING;
      const missing = (ours.get(measurement) ?? 0) - (n - gone);
      result.compared += n;
      if (missing + gone + different === 0) continue;
      const date = new Date(day * DAY_MS).toISOString().slice(0, 10);
      result.differences.push({ day: date, measurement, missing, gone, different, mark: marks.get(day) });
    }
    onProgress(i + 1, days.length);
  }
  return result;
}

const NOTHING = { n: 0, gone: 0, different: 0 };
