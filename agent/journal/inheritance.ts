import { DatabaseSync } from 'node:sqlite';
import { isOfFile } from './own-state.ts';
import { type ReadingRow, Rows } from './rows.ts';
import { SalvageWriter } from './salvage/writer.ts';
import { isSealed } from './seal.ts';

/** Ten minutes of one meter: what came last is what the guards and the next start ask for. */
const NEWEST_READINGS = 600;
const MOST_ROWS = 2000;

type Row = Record<string, number | bigint | string | null | NodeJS.ArrayBufferView>;

/**
 * Takes over at once, from a journal that was set aside into the one that begins, what the collector goes on from: the ids of
 * meters and layouts, what was learned, the newest readings. Each as far as SQLite can read it; salvage brings the rest.
 */
export function inherit(stateDir: string, db: DatabaseSync, asidePath: string): void {
  let old: DatabaseSync | undefined;
  try {
    const from = new DatabaseSync(asidePath, { readOnly: true });
    old = from;
    const writer = new SalvageWriter(stateDir, db);
    writer.transaction(() => {
      const series = db.prepare('INSERT OR IGNORE INTO series (id, measurement, meter, model) VALUES (?, ?, ?, ?)');
      for (const row of undamaged(from, 'series', 'id, measurement, meter, model')) series.run(...Object.values(row));
      const layout = db.prepare('INSERT OR IGNORE INTO layout (id, fields) VALUES (?, ?)');
      for (const row of undamaged(from, 'layout', 'id, fields')) layout.run(...Object.values(row));
      attempt(() => takeState(from, writer));
      attempt(() => takeNewest(from, writer));
    });
  } catch {
    // Nothing of it can be read.
  } finally {
    old?.close();
  }
}

function takeState(from: DatabaseSync, writer: SalvageWriter): void {
  for (const row of from.prepare('SELECT key, value FROM state LIMIT ?').all(MOST_ROWS)) {
    const [key, value] = [String(row.key), String(row.value)];
    attempt(() => {
      JSON.parse(value);
      if (!isOfFile(key)) writer.addState({ key, value });
    });
  }
}

function takeNewest(from: DatabaseSync, writer: SalvageWriter): void {
  const rows = new Rows(from);
  const newest = from.prepare('SELECT key, layout, data FROM reading ORDER BY key DESC LIMIT ?');
  for (const found of newest.iterate(NEWEST_READINGS)) {
    const row = found as unknown as ReadingRow;
    attempt(() => {
      const layout = rows.layout(row.layout);
      if (isSealed(layout)) writer.addReading({ ...rows.reading(row), layout }, row.data);
    });
  }
}

/** Rows that a table and its unique index tell alike. */
function undamaged(from: DatabaseSync, table: string, columns: string): Row[] {
  try {
    const read = (how: string) => from.prepare(`SELECT ${columns} FROM ${table} ${how} LIMIT ${MOST_ROWS}`).all();
    const copies = new Set(read(`INDEXED BY sqlite_autoindex_${table}_1`).map((row) => JSON.stringify(row)));
    return read('NOT INDEXED').filter((row) => copies.has(JSON.stringify(row)));
  } catch {
    return [];
  }
}

function attempt(take: () => void): void {
  try {
    take();
  } catch {
    // What is damaged stays where it is: salvage looks at it page by page.
  }
}
