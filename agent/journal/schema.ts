import { DatabaseSync } from 'node:sqlite';
import { AgentError } from '../system/errors.ts';
import { DamagedJournal } from './damage.ts';
import { readWitness, saveWitness } from './witness.ts';

/** Marks the file as an energy-monitor journal (SQLite's application_id; "EMJ1"). */
const APPLICATION_ID = 0x454d4a31;
export const SCHEMA_VERSION = 4;

const QUARANTINE = `CREATE TABLE quarantine (consumer TEXT NOT NULL, key INTEGER NOT NULL, line TEXT NOT NULL,
  reason TEXT NOT NULL, refused_time INTEGER NOT NULL, PRIMARY KEY (consumer, key)) STRICT, WITHOUT ROWID;`;

const HELD = `CREATE TABLE held (seq INTEGER PRIMARY KEY AUTOINCREMENT, boot TEXT NOT NULL, offset REAL NOT NULL,
  time INTEGER NOT NULL, entry TEXT NOT NULL) STRICT;
CREATE INDEX held_time ON held (boot, offset, time);`;

/** UTC day of a key (keys.ts): 86 400 000 ms x 1024 series. */
const DAY_OF = (key: string) => `${key} / 88473600000`;
/** By chance, and not by counting: two journals never have the same for another content. */
const MARK = 'random() & 9007199254740991';
const CHANGE = (day: string) =>
  `INSERT INTO day (day, mark) VALUES (${day}, ${MARK}) ON CONFLICT (day) DO UPDATE SET mark = excluded.mark;`;

const TRIGGERS = `
CREATE TRIGGER reading_insert AFTER INSERT ON reading BEGIN ${CHANGE(DAY_OF('NEW.key'))} END;
CREATE TRIGGER reading_update AFTER UPDATE ON reading BEGIN ${CHANGE(DAY_OF('NEW.key'))} END;
CREATE TRIGGER reading_delete AFTER DELETE ON reading BEGIN ${CHANGE(DAY_OF('OLD.key'))} END;
CREATE TRIGGER gap_insert AFTER INSERT ON gap BEGIN ${CHANGE('NEW.from_time / 86400000')} END;
CREATE TRIGGER gap_update AFTER UPDATE ON gap BEGIN ${CHANGE('NEW.from_time / 86400000')} END;
CREATE TRIGGER gap_delete AFTER DELETE ON gap BEGIN ${CHANGE('OLD.from_time / 86400000')} END;
`;

/** Whoever writes, each change of a day gives it another mark: who looks again (backups) need not read the others. */
const DAYS = `
CREATE TABLE day (day INTEGER PRIMARY KEY, mark INTEGER NOT NULL) STRICT;
${TRIGGERS}
`;

/** The days that have readings, one step a day, and those of gaps. */
const FIND_DAYS = `
WITH RECURSIVE found(day) AS (
  SELECT ${DAY_OF('min(key)')} FROM reading
  UNION ALL
  SELECT ${DAY_OF('(SELECT min(key) FROM reading WHERE key >= (found.day + 1) * 88473600000)')} FROM found
  WHERE found.day IS NOT NULL
)
INSERT INTO day SELECT day, ${MARK} FROM (
  SELECT day FROM found WHERE day IS NOT NULL UNION SELECT from_time / 86400000 FROM gap
);
`;

/**
 * - `layout`: which values, in which order and resolution, a packed reading holds (see packing.ts).
 * - `reading.key` is time and series in one number (see keys.ts): one tree serves uniqueness, ranges of time and the order
 *   in which consumers take readings. A second index would write a third more to the card (npm run bench).
 * - `late`: readings that arrived after a later one, in the order of arrival, for the consumers that have passed them.
 * - `gap`: a run of missing grid points, both ends included.
 * - `cursor.generation` counts how often a cursor was set by somebody else than its consumer (cursors.ts).
 * - `quarantine`: readings that a consumer's server refused for good (quarantine.ts).
 * - `day.mark` is another after each change of a UTC day, by triggers.
 * - `held`: entries whose time is not known (held.ts).
 */
const SCHEMA = `
CREATE TABLE layout (id INTEGER PRIMARY KEY, fields TEXT NOT NULL UNIQUE) STRICT;
CREATE TABLE series (id INTEGER PRIMARY KEY, measurement TEXT NOT NULL, meter TEXT NOT NULL, model TEXT NOT NULL,
  UNIQUE (measurement, meter, model)) STRICT;
CREATE TABLE reading (key INTEGER PRIMARY KEY, layout INTEGER NOT NULL, data BLOB NOT NULL) STRICT;
CREATE TABLE late (seq INTEGER PRIMARY KEY AUTOINCREMENT, key INTEGER NOT NULL) STRICT;
CREATE TABLE gap (series INTEGER NOT NULL, from_time INTEGER NOT NULL, to_time INTEGER NOT NULL, cause TEXT NOT NULL,
  PRIMARY KEY (series, from_time)) STRICT, WITHOUT ROWID;
CREATE TABLE cursor (consumer TEXT PRIMARY KEY, key INTEGER NOT NULL, late INTEGER NOT NULL,
  generation INTEGER NOT NULL DEFAULT 0) STRICT;
CREATE TABLE state (key TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT;
${QUARANTINE}
${DAYS}
${HELD}
`;

/** What makes a journal of version n one of version n + 1, by n. */
const MIGRATIONS: Readonly<Record<number, string>> = {
  1: `ALTER TABLE cursor ADD COLUMN generation INTEGER NOT NULL DEFAULT 0; ${QUARANTINE}`,
  2: `${DAYS} ${FIND_DAYS}`,
  3: HELD,
};

/** For filling an empty journal: the marks of days cost half of the time, and come all at once with markAllDays(). */
export function withoutDayMarks(db: DatabaseSync): void {
  for (const [, name] of TRIGGERS.matchAll(/CREATE TRIGGER (\w+)/g)) db.exec(`DROP TRIGGER ${name}`);
}

/** Ends what withoutDayMarks() began. */
export function markAllDays(db: DatabaseSync): void {
  db.exec(`DELETE FROM day; ${FIND_DAYS} ${TRIGGERS}`);
}

/**
 * Has it each table, index and trigger of this version as they should be? Others may stand beside them: somebody has made
 * an index or a view of his own. Where the trees begin is not looked at.
 */
export function hasOurSchema(db: DatabaseSync): boolean {
  const ours = new DatabaseSync(':memory:');
  try {
    ours.exec(SCHEMA);
    const there = new Set(partsOf(db));
    return partsOf(ours).every((part) => there.has(part));
  } finally {
    ours.close();
  }
}

/** Migrations leave other spaces between the words. */
function partsOf(db: DatabaseSync): string[] {
  const rows = db.prepare('SELECT type, name, tbl_name, sql FROM sqlite_schema').all();
  return rows.map(({ type, name, tbl_name, sql }) => {
    const words = String(sql)
      .replace(/\s+/g, ' ')
      .replace(/ ?([(),]) ?/g, '$1');
    return JSON.stringify([type, name, tbl_name, words]);
  });
}

function pragma(db: DatabaseSync, name: string): number {
  return Number(Object.values(db.prepare(`PRAGMA ${name}`).get() ?? {})[0] ?? 0);
}

/** Creates the tables in an empty file, brings an older journal up to date; refuses a file that is something else or from a newer version. */
export function prepareSchema(db: DatabaseSync, path: string, readOnly = false): void {
  const version = pragma(db, 'user_version');
  const isOurs = pragma(db, 'application_id') === APPLICATION_ID;
  if (isOurs && version === SCHEMA_VERSION) return;
  const witness = readWitness(db);
  if (witness && (!isOurs || witness.version !== version)) throw new DamagedJournal(path, 'its header is not its own');
  if (isOurs && version > SCHEMA_VERSION) {
    throw new AgentError(
      'storage',
      `journal ${path} has schema version ${version}, this energy-monitor knows ${SCHEMA_VERSION}`,
      {
        hint: 'upgrade energy-monitor, or use another stateDir',
      },
    );
  }
  if (readOnly) {
    throw new AgentError(
      'storage',
      isOurs
        ? `journal ${path} has schema version ${version}, of an older energy-monitor`
        : `${path} is empty or no journal of energy-monitor`,
      { hint: 'start the collector first, or name another directory with --config or --state-dir' },
    );
  }
  db.exec('BEGIN IMMEDIATE');
  try {
    const tables = db.prepare("SELECT count(*) AS n FROM sqlite_master WHERE type = 'table'").get() as { n: number };
    // Another process may have been quicker.
    if (tables.n > 0 && pragma(db, 'application_id') !== APPLICATION_ID) {
      throw new AgentError('storage', `${path} is a database, but not a journal of energy-monitor`, {
        hint: 'use another stateDir, or move that file away',
      });
    }
    if (tables.n === 0) db.exec(SCHEMA);
    else for (let from = pragma(db, 'user_version'); from < SCHEMA_VERSION; from++) db.exec(MIGRATIONS[from] ?? '');
    db.exec(`PRAGMA application_id = ${APPLICATION_ID}; PRAGMA user_version = ${SCHEMA_VERSION};`);
    saveWitness(db, SCHEMA_VERSION);
    db.exec('COMMIT');
  } catch (error) {
    // A full disk has ended the transaction already.
    if (db.isTransaction) db.exec('ROLLBACK');
    throw error;
  }
}
