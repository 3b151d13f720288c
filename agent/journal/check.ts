import type { DatabaseSync } from 'node:sqlite';
import { messageOf } from '../system/errors.ts';
import { DamagedJournal, damageIn } from './damage.ts';
import { tell } from './damage-note.ts';
import { journalFile, openForReading } from './database.ts';
import { seriesOfKey, timeOfKey } from './keys.ts';
import { type GapRow, type ReadingRow, Rows } from './rows.ts';
import { RUNTIME_DIRECTORY_KEY } from './runtime-directory.ts';
import { type AsideReport, asideReports } from './salvage/reports.ts';
import { hasOurSchema } from './schema.ts';
import { isSealed } from './seal.ts';
import { DAY_MS } from './segment.ts';
import { State } from './state.ts';
import { checksumOfSchema, readWitness } from './witness.ts';

export interface JournalCheck {
  stateDir: string;
  /** Looked at, each decoded. */
  readings: number;
  /** Of these, readings of a journal of before, which have no checksum: damage within a value is not seen. */
  withoutChecksum: number;
  gaps: number;
  /** One sentence each, at most MOST_NAMED; `more` counts the others. */
  problems: string[];
  more: number;
  setAside: AsideReport[];
}

const MOST_NAMED = 100;
const PROGRESS_EACH = 10_000;

/** What is wrong, up to a number. */
class Problems {
  readonly named: string[] = [];
  more = 0;
  /** Not of single rows: the collector has to set the file aside. */
  isOfFile = false;

  add(problem: string): void {
    if (this.named.length < MOST_NAMED) this.named.push(problem);
    else this.more++;
  }
}

/**
 * Looks at each page and each row of the journal, beside a collector that goes on; at one moment of it.
 * @param onProgress told how many readings were looked at
 * @throws AgentError when there is no journal, or no right to read it
 */
export function checkJournal(stateDir: string, onProgress: (readings: number) => void = () => {}): JournalCheck {
  const problems = new Problems();
  const check = { stateDir, readings: 0, withoutChecksum: 0, gaps: 0 };
  const file = journalFile(stateDir);
  let db: DatabaseSync | undefined;
  let setAside: AsideReport[] = [];
  try {
    db = openForReading(stateDir);
    db.exec('BEGIN');
    const open = db;
    const days = new Set<number>();
    const attempt = (what: string, look: () => void) => attempted(what, look, problems);
    attempt('what was set aside', () => {
      setAside = asideReports(stateDir, open);
    });
    attempt('the file', () => checkFile(open, problems));
    attempt('its readings', () => checkReadings(open, days, check, problems, onProgress));
    attempt('its gaps', () => checkGaps(open, days, check, problems));
    attempt('its days', () => checkDays(open, days, problems));
    attempt('its positions', () => checkPositions(open, problems));
    if (problems.isOfFile) tellCollector(stateDir, file, open);
  } catch (error) {
    if (!(error instanceof DamagedJournal)) throw error;
    problems.add(error.message);
  } finally {
    db?.close();
  }
  return { ...check, problems: problems.named, more: problems.more, setAside };
}

/** A collector looks at the ends of its journal alone. */
function tellCollector(stateDir: string, file: string | undefined, db: DatabaseSync): void {
  tell(stateDir, file, () => {
    const path = new State(db).load(RUNTIME_DIRECTORY_KEY);
    return typeof path === 'string' ? path : undefined;
  });
}

/** Where a part cannot be read to its end, the next one is looked at all the same. */
function attempted(what: string, look: () => void, problems: Problems): void {
  try {
    look();
  } catch (error) {
    if (damageIn(error) !== 'yes') throw error;
    problems.isOfFile = true;
    problems.add(`${what}: ${messageOf(error)}`);
  }
}

function checkFile(db: DatabaseSync, problems: Problems): void {
  for (const row of db.prepare(`PRAGMA integrity_check(${MOST_NAMED})`).all()) {
    if (row.integrity_check === 'ok') continue;
    problems.isOfFile = true;
    problems.add(`the file: ${String(row.integrity_check)}`);
  }
  const witness = readWitness(db);
  if (witness && witness.schema !== checksumOfSchema(db) && !hasOurSchema(db))
    problems.add('the schema is not as it was written');
}

/** @param days is told which have some */
function checkReadings(
  db: DatabaseSync,
  days: Set<number>,
  check: { readings: number; withoutChecksum: number },
  problems: Problems,
  onProgress: (readings: number) => void,
): void {
  const rows = new Rows(db);
  for (const found of db.prepare('SELECT key, layout, data FROM reading ORDER BY key').iterate()) {
    const row = found as unknown as ReadingRow;
    days.add(Math.floor(timeOfKey(row.key) / DAY_MS));
    try {
      rows.reading(row);
      if (!isSealed(rows.layout(row.layout))) check.withoutChecksum++;
    } catch (error) {
      if (damageIn(error) === 'yes') throw error;
      problems.add(`the reading of ${placeOf(row.key, rows)}: ${messageOf(error)}`);
    }
    check.readings++;
    if (check.readings % PROGRESS_EACH === 0) onProgress(check.readings);
  }
}

function placeOf(key: number, rows: Rows): string {
  const time = new Date(timeOfKey(key));
  const at = Number.isNaN(time.getTime()) ? `key ${key}` : time.toISOString();
  try {
    return `${rows.series(seriesOfKey(key)).meter} at ${at}`;
  } catch {
    return `meter ${seriesOfKey(key)}, which is not known, at ${at}`;
  }
}

function checkGaps(db: DatabaseSync, days: Set<number>, check: { gaps: number }, problems: Problems): void {
  const rows = new Rows(db);
  for (const found of db.prepare('SELECT series, from_time, to_time, cause FROM gap').iterate()) {
    const row = found as unknown as GapRow;
    days.add(Math.floor(row.from_time / DAY_MS));
    try {
      rows.gap(row);
    } catch (error) {
      if (damageIn(error) === 'yes') throw error;
      problems.add(`a gap of series ${row.series} from ${row.from_time} to ${row.to_time} ms: ${messageOf(error)}`);
    }
    check.gaps++;
  }
}

/** By its mark a backup knows that a day has changed; one without is not backed up. */
function checkDays(db: DatabaseSync, days: ReadonlySet<number>, problems: Problems): void {
  const marked = new Set(
    db
      .prepare('SELECT day FROM day')
      .all()
      .map(({ day }) => Number(day)),
  );
  for (const day of days) {
    if (marked.has(day)) continue;
    const date = new Date(day * DAY_MS);
    const name = Number.isNaN(date.getTime()) ? String(day) : date.toISOString().slice(0, 10);
    problems.add(`the day ${name} has no mark: it is not backed up`);
  }
}

function checkPositions(db: DatabaseSync, problems: Problems): void {
  const newest = Number(db.prepare('SELECT coalesce(max(key), 0) AS key FROM reading').get()?.key);
  for (const { consumer, key } of db.prepare('SELECT consumer, key FROM cursor').all()) {
    if (Number(key) > newest)
      problems.add(`the position of ${consumer} is ahead of the newest reading: use forward rewind`);
  }
}

export function checkText({
  readings,
  withoutChecksum,
  gaps,
  problems,
  more,
  setAside,
  stateDir,
}: JournalCheck): string {
  const lines = [`${readings} readings and ${gaps} gaps in ${stateDir}`];
  if (withoutChecksum > 0) lines.push(`  ${withoutChecksum} readings are of an older version, without a checksum`);
  for (const problem of problems) lines.push(`damaged  ${problem}`);
  if (more > 0) lines.push(`  and ${more} more`);
  for (const { path, salvage } of setAside) {
    const state = salvage === undefined ? 'not begun' : salvage.finishedMs === undefined ? 'under way' : 'done';
    lines.push(`set aside  ${path}: salvage ${state}`);
  }
  lines.push(problems.length === 0 ? 'all of it is as it was written' : WHAT_TO_DO);
  return `${lines.join('\n')}\n`;
}

const WHAT_TO_DO =
  'damaged readings are left out wherever they are read; restore --merge brings back those that a backup has.\n' +
  'A damaged file is set aside by its collector within seconds, or at its next start.';
