import type { DatabaseSync } from 'node:sqlite';
import { AgentError } from '../system/errors.ts';

/** Marks the file as an energy-monitor journal (SQLite's application_id; "EMJ1"). */
const APPLICATION_ID = 0x454d4a31;
const SCHEMA_VERSION = 1;

/**
 * - `layout`: which values, in which order and resolution, a packed reading holds (see packing.ts).
 * - `reading.seq` grows in the order of arrival, which is what consumers' cursors follow; `time` is the grid point.
 *   AUTOINCREMENT would write one more page at each commit; instead the newest reading is never deleted (retention.ts).
 * - `gap`: a run of missing grid points, both ends included.
 */
const SCHEMA = `
CREATE TABLE layout (id INTEGER PRIMARY KEY, fields TEXT NOT NULL UNIQUE) STRICT;
CREATE TABLE series (id INTEGER PRIMARY KEY, measurement TEXT NOT NULL, meter TEXT NOT NULL, model TEXT NOT NULL,
  UNIQUE (measurement, meter, model)) STRICT;
CREATE TABLE reading (seq INTEGER PRIMARY KEY, series INTEGER NOT NULL REFERENCES series, time INTEGER NOT NULL,
  layout INTEGER NOT NULL REFERENCES layout, data BLOB NOT NULL) STRICT;
CREATE UNIQUE INDEX reading_series_time ON reading (series, time);
CREATE TABLE gap (seq INTEGER PRIMARY KEY, series INTEGER NOT NULL REFERENCES series, from_time INTEGER NOT NULL,
  to_time INTEGER NOT NULL, cause TEXT NOT NULL, UNIQUE (series, from_time)) STRICT;
CREATE TABLE cursor (consumer TEXT PRIMARY KEY, seq INTEGER NOT NULL) STRICT;
CREATE TABLE state (key TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT;
`;

function pragma(db: DatabaseSync, name: string): number {
  return Number(Object.values(db.prepare(`PRAGMA ${name}`).get() ?? {})[0] ?? 0);
}

/** Creates the tables in an empty file; refuses a file that is something else or from a newer version. */
export function prepareSchema(db: DatabaseSync, path: string): void {
  const version = pragma(db, 'user_version');
  const isOurs = pragma(db, 'application_id') === APPLICATION_ID;
  if (isOurs && version === SCHEMA_VERSION) return;
  if (isOurs && version > SCHEMA_VERSION) {
    throw new AgentError(
      'storage',
      `journal ${path} has schema version ${version}, this energy-monitor knows ${SCHEMA_VERSION}`,
      {
        hint: 'upgrade energy-monitor, or use another stateDir',
      },
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
    if (tables.n === 0) {
      db.exec(`${SCHEMA} PRAGMA application_id = ${APPLICATION_ID}; PRAGMA user_version = ${SCHEMA_VERSION};`);
    }
    db.exec('COMMIT');
  } catch (error) {
    db.exec('ROLLBACK');
    throw error;
  }
}
