import { existsSync } from 'node:fs';
import { DatabaseSync } from 'node:sqlite';
import { journalPath, openForReading } from './database.ts';
import type { ReadingRow } from './rows.ts';
import { prepareSchema } from './schema.ts';

/**
 * A journal beside the real one, for what is only tried: it takes what would be written, and gets from the real one what is
 * asked for. Nothing is locked or changed, and it is gone when it is closed.
 */
export interface Rehearsal {
  db: DatabaseSync;
  /** Undefined where there is no journal. */
  real: DatabaseSync | undefined;
}

/** @throws AgentError when the journal cannot be read */
export function openRehearsal(stateDir: string): Rehearsal {
  // A file without a name is SQLite's own, on the disk when it grows.
  const db = new DatabaseSync('');
  db.exec('PRAGMA journal_mode = MEMORY; PRAGMA synchronous = OFF;');
  prepareSchema(db, 'of a dry run');
  if (!existsSync(journalPath(stateDir))) return { db, real: undefined };
  const real = openForReading(stateDir);
  // Keys and packed readings refer to these.
  const series = db.prepare('INSERT INTO series (id, measurement, meter, model) VALUES (?, ?, ?, ?)');
  for (const row of real.prepare('SELECT id, measurement, meter, model FROM series').iterate()) {
    series.run(row.id ?? null, row.measurement ?? null, row.meter ?? null, row.model ?? null);
  }
  const layout = db.prepare('INSERT INTO layout (id, fields) VALUES (?, ?)');
  for (const row of real.prepare('SELECT id, fields FROM layout').iterate())
    layout.run(row.id ?? null, row.fields ?? null);
  return { db, real };
}

/** Brings readings over from the real journal, when they are asked for. */
export function bringOver({ db, real }: Rehearsal): (key: number) => void {
  const find = real?.prepare('SELECT key, layout, data FROM reading WHERE key = ?');
  const insert = db.prepare('INSERT OR IGNORE INTO reading (key, layout, data) VALUES (?, ?, ?)');
  return (key) => {
    const row = find?.get(key) as ReadingRow | undefined;
    if (row) insert.run(row.key, row.layout, row.data);
  };
}
