import { statSync } from 'node:fs';
import type { DatabaseSync } from 'node:sqlite';
import { isPassing } from './committer.ts';
import { DamagedJournal, damageIn } from './damage.ts';
import { parseLayout } from './packing.ts';
import { isTakenBack } from './recall.ts';
import { type ReadingRow, Rows } from './rows.ts';
import { PAGE_BYTES } from './salvage/page.ts';
import { readWal, type Wal } from './salvage/wal.ts';
import { hasOurSchema, SCHEMA_VERSION } from './schema.ts';
import { checksumOfSchema, readWitness, saveWitness } from './witness.ts';

/**
 * Looks at the files of a journal before SQLite does, which would take a write-ahead file without its database for nothing.
 * The database itself is not opened here: closing it would end the locks that this process has on it (fcntl(2)).
 * @returns what is in the write-ahead file
 * @throws DamagedJournal
 */
export function inspectFiles(path: string): Wal {
  const wal = readWal(`${path}-wal`);
  const bytes = statSync(path, { throwIfNoEntry: false })?.size ?? 0;
  if (bytes === 0 && wal.frames.length > 0) {
    throw new DamagedJournal(path, 'it is gone, and its write-ahead file is not');
  }
  if (wal.cutOff === 0) return wal;
  // Somebody may just write it: then it ends elsewhere when it is looked at again.
  const again = readWal(`${path}-wal`);
  const isTheSame = again.frames.length === wal.frames.length && again.cutOff === wal.cutOff;
  return isTheSame ? again : { ...again, cutOff: 0 };
}

/** Looks at what all else depends on, and at both ends; reading all of it would take minutes. @throws DamagedJournal */
export function inspectDatabase(db: DatabaseSync, path: string): void {
  // At one moment: another process may write meanwhile, or move pages from one file to the other.
  db.exec('BEGIN');
  let isWitnessed: boolean;
  try {
    isWitnessed = inspect(db, path);
  } finally {
    if (db.isTransaction) db.exec('ROLLBACK');
  }
  if (!isWitnessed) saveIfThereIsRoom(db);
}

/** @returns false when the journal does not say yet what its schema is */
function inspect(db: DatabaseSync, path: string): boolean {
  const fail = (reason: string): never => {
    throw new DamagedJournal(path, reason);
  };
  if (!hasHeader(db)) fail('its header is not its own');
  const witness = readWitness(db);
  const isWitnessed = witness?.schema === checksumOfSchema(db);
  // Somebody may have made an index, a view or statistics with another program, which harms nothing.
  if (witness && !isWitnessed && !(hasOurSchema(db) && isWhole(db))) fail('its schema is not its own');
  if (!hasItsPages(db, path)) fail('it has not the length that it should have');
  if (!hasCatalogue(db)) fail('its list of meters or of layouts is not as it was written');
  // The newest reading is never deleted, and with it its layout is in use; but all can be taken back, or still to be salvaged.
  if (isEmpty(db, 'reading') && !isEmpty(db, 'layout') && !isTakenBack(db) && !isWhole(db))
    fail('its readings are gone');
  for (const order of ['ASC', 'DESC']) {
    const row = db.prepare(`SELECT key, layout, data FROM reading ORDER BY key ${order} LIMIT 1`).get();
    try {
      if (row) new Rows(db).reading(row as unknown as ReadingRow);
    } catch {
      fail(`its ${order === 'ASC' ? 'oldest' : 'newest'} reading is not as it was written`);
    }
  }
  return isWitnessed;
}

/** On a full disk the next start does it. */
function saveIfThereIsRoom(db: DatabaseSync): void {
  try {
    saveWitness(db, SCHEMA_VERSION);
  } catch (error) {
    if (!isPassing(error) || damageIn(error) !== 'no') throw error;
  }
}

/** Looks at each page: seconds on a card, for what is seen seldom. */
const isWhole = (db: DatabaseSync) => db.prepare('PRAGMA quick_check(1)').get()?.quick_check === 'ok';

const isEmpty = (db: DatabaseSync, table: string) => db.prepare(`SELECT 1 FROM ${table} LIMIT 1`).get() === undefined;

/** What is the same in each journal. */
function hasHeader(db: DatabaseSync): boolean {
  const pragma = (name: string) => Object.values(db.prepare(`PRAGMA ${name}`).get() ?? {})[0];
  const isOurs = pragma('page_size') === PAGE_BYTES && pragma('auto_vacuum') === 0 && pragma('encoding') === 'UTF-8';
  return isOurs && Number(pragma('freelist_count')) < Number(pragma('page_count'));
}

/** A page that is in the write-ahead file need not be in the database's yet. */
function hasItsPages(db: DatabaseSync, path: string): boolean {
  const pages = Number(db.prepare('PRAGMA page_count').get()?.page_count);
  const there = Math.floor(statSync(path).size / PAGE_BYTES);
  if (there >= pages) return there === pages;
  const inWal = new Set(readWal(`${path}-wal`).frames.map(({ page }) => page));
  for (let page = there + 1; page <= pages; page++) if (!inWal.has(page)) return false;
  return true;
}

/** Their unique indexes hold the same once more. */
function hasCatalogue(db: DatabaseSync): boolean {
  const isTwice = (table: string, columns: string) => {
    const read = (how: string) =>
      JSON.stringify(db.prepare(`SELECT ${columns} FROM ${table} ${how} ORDER BY id`).all());
    return read('NOT INDEXED') === read(`INDEXED BY sqlite_autoindex_${table}_1`);
  };
  if (!isTwice('series', 'id, measurement, meter, model') || !isTwice('layout', 'id, fields')) return false;
  try {
    for (const { fields } of db.prepare('SELECT fields FROM layout').all()) parseLayout(String(fields));
    return true;
  } catch {
    return false;
  }
}
