import type { DatabaseSync } from 'node:sqlite';
import { AgentError } from '../system/errors.ts';

/** Marks the file as a history of energy-monitor (SQLite's application_id; "EMH1"). */
const APPLICATION_ID = 0x454d4831;
const SCHEMA_VERSION = 1;

/**
 * - `layout`: names, kinds and decimals of what a packed roll-up holds (packing.ts).
 * - `minute`, `quarter`, `hour`: roll-ups on the grid of UTC; `day`: those of the days of the zone in `state`. `key` is start
 *   and series in one number (journal/keys.ts).
 * - `mark` is another after each change of a UTC day: a backup that finds the same does not look at the day.
 * - `state`: position in the journal, zone, what retention has let go.
 */
const SCHEMA = `
CREATE TABLE layout (id INTEGER PRIMARY KEY, fields TEXT NOT NULL UNIQUE) STRICT;
CREATE TABLE series (id INTEGER PRIMARY KEY, measurement TEXT NOT NULL, meter TEXT NOT NULL, model TEXT NOT NULL,
  UNIQUE (measurement, meter, model)) STRICT;
CREATE TABLE minute (key INTEGER PRIMARY KEY, layout INTEGER NOT NULL, data BLOB NOT NULL) STRICT;
CREATE TABLE quarter (key INTEGER PRIMARY KEY, layout INTEGER NOT NULL, data BLOB NOT NULL) STRICT;
CREATE TABLE hour (key INTEGER PRIMARY KEY, layout INTEGER NOT NULL, data BLOB NOT NULL) STRICT;
CREATE TABLE day (key INTEGER PRIMARY KEY, layout INTEGER NOT NULL, data BLOB NOT NULL) STRICT;
CREATE TABLE mark (day INTEGER PRIMARY KEY, mark INTEGER NOT NULL) STRICT;
CREATE TABLE state (key TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT;
`;

function pragma(db: DatabaseSync, name: string): number {
  return Number(Object.values(db.prepare(`PRAGMA ${name}`).get() ?? {})[0] ?? 0);
}

/** Is there a file, and not a table in it yet: somebody is about to make it. */
export function isBlank(db: DatabaseSync): boolean {
  return Number(db.prepare('SELECT count(*) AS n FROM sqlite_master').get()?.n) === 0;
}

/** Creates the tables in an empty file. @throws AgentError for a file that is something else, or of a newer version */
export function prepareSchema(db: DatabaseSync, path: string, readOnly = false): void {
  const isOurs = pragma(db, 'application_id') === APPLICATION_ID;
  const version = pragma(db, 'user_version');
  if (isOurs && version === SCHEMA_VERSION) return;
  if (isOurs) {
    throw new AgentError(
      'storage',
      `history ${path} has schema version ${version}, this energy-monitor knows ${SCHEMA_VERSION}`,
      { hint: 'upgrade energy-monitor, or use another stateDir' },
    );
  }
  if (readOnly || !isBlank(db)) {
    throw new AgentError('storage', `${path} is no history of energy-monitor`, {
      hint: 'move that file away: the collector makes a new one from the journal',
    });
  }
  db.exec('BEGIN IMMEDIATE');
  try {
    // Another process may have been quicker.
    if (pragma(db, 'application_id') !== APPLICATION_ID) {
      db.exec(`${SCHEMA} PRAGMA application_id = ${APPLICATION_ID}; PRAGMA user_version = ${SCHEMA_VERSION};`);
    }
    db.exec('COMMIT');
  } catch (error) {
    if (db.isTransaction) db.exec('ROLLBACK');
    throw error;
  }
}
