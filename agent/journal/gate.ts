import { closeSync, existsSync, fchownSync, openSync, statSync, truncateSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { messageOf } from '../system/errors.ts';
import { heirIn } from '../system/owner.ts';

/** In the state directory; empty. Locked for moments. */
const GATE_NAME = 'journal.lock';
/** How long an opening waits for a replacement, which takes milliseconds; a compaction takes longer, and is said. */
const OPENING_WAITS_MS = 5000;
/** The collector does not wait for those who are just opening it: it comes again with the next flush. */
const REPLACING_WAITS_MS = 200;

/**
 * Runs what opens the journal, up to its first read, while no other process puts another file in its place: SQLite finds a
 * write-ahead file by its name, and would take the new file's for the old one's.
 * @throws what SQLite throws when the journal is being replaced for longer
 */
export function whileOpening<T>(stateDir: string, open: () => T): T {
  const path = join(stateDir, GATE_NAME);
  // Who replaces a file makes it; a directory that only others may write to has perhaps none.
  if (!existsSync(path)) return open();
  const gate = new DatabaseSync(path, { timeout: OPENING_WAITS_MS, readOnly: true });
  try {
    gate.exec('BEGIN; SELECT 1 FROM sqlite_schema');
    return open();
  } finally {
    gate.close();
  }
}

/** Makes the lock's file, so that those who open the journal use it. */
export function makeGate(stateDir: string): void {
  const path = join(stateDir, GATE_NAME);
  emptyLock(path);
  if (existsSync(path)) return;
  const fd = openSync(path, 'a', 0o644);
  try {
    const heir = heirIn(stateDir);
    if (heir) fchownSync(fd, heir.uid, heir.gid);
  } finally {
    closeSync(fd);
  }
}

/** A lock's file has no bytes. What a failing card has put there SQLite would take for a damaged database. */
export function emptyLock(path: string): void {
  const { size } = statSync(path, { throwIfNoEntry: false }) ?? { size: 0 };
  if (size > 0) truncateSync(path);
}

/**
 * Runs what puts another file in the journal's place.
 * @returns undefined when somebody is just opening it
 */
export function whileReplacing<T>(stateDir: string, replace: () => T): T | undefined {
  makeGate(stateDir);
  const gate = new DatabaseSync(join(stateDir, GATE_NAME), { timeout: REPLACING_WAITS_MS });
  try {
    try {
      gate.exec('PRAGMA journal_mode = MEMORY; BEGIN EXCLUSIVE');
    } catch (error) {
      if (/locked|busy/i.test(messageOf(error))) return undefined;
      throw error;
    }
    return replace();
  } finally {
    gate.close();
  }
}
