import { randomUUID } from 'node:crypto';
import type { DatabaseSync } from 'node:sqlite';
import { crc32 } from 'node:zlib';
import { WITNESS_KEY } from './own-state.ts';

/** What a journal's file says of itself in `state`, so that a bit that flips in its header or schema is noticed. */
export interface Witness {
  /** By chance: another file has another one, also where it takes this one's place. Positions are those of one file. */
  id: string;
  version: number;
  /** CRC-32 of the schema. */
  schema: number;
}

/** @returns undefined for a journal of before, or where it cannot be read */
export function readWitness(db: DatabaseSync): Witness | undefined {
  try {
    const row = db.prepare('SELECT value FROM state WHERE key = ?').get(WITNESS_KEY);
    return row && (JSON.parse(String(row.value)) as Witness);
  } catch {
    return undefined;
  }
}

/** To be called within the transaction that changes the schema. */
export function saveWitness(db: DatabaseSync, version: number): void {
  const witness: Witness = { id: readWitness(db)?.id ?? randomUUID(), version, schema: checksumOfSchema(db) };
  db.prepare('INSERT OR REPLACE INTO state (key, value) VALUES (?, ?)').run(WITNESS_KEY, JSON.stringify(witness));
}

/** The table of an import under way (own-readings.ts) comes and goes. */
export function checksumOfSchema(db: DatabaseSync): number {
  const rows = db
    .prepare(
      "SELECT type, name, tbl_name, rootpage, sql FROM sqlite_schema WHERE name <> 'imported' ORDER BY type, name",
    )
    .all();
  return crc32(JSON.stringify(rows.map((row) => Object.values(row))));
}
