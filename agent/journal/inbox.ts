import { mkdirSync, readdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Committer } from './committer.ts';
import { openForWriting } from './database.ts';
import type { Entry } from './entry.ts';
import { CollectorLock } from './lock.ts';
import { State } from './state.ts';
import { encodeLine, Tail } from './tail.ts';
import { Waiting } from './waiting.ts';

const INBOX_NAME = 'inbox';

/**
 * Hands entries of a short-lived process to the journal. While a collector runs they wait for it in memory, so that they
 * reach the card with its next flush instead of a commit of their own; else they are committed here.
 * @throws AgentError `storage` or `permission`
 */
export function deliver(stateDir: string, entries: readonly Entry[]): void {
  const db = openForWriting(stateDir);
  try {
    const runtime = new Waiting(stateDir, db).runtimeDirectory();
    if (runtime !== undefined && CollectorLock.isHeld(stateDir)) post(join(runtime, INBOX_NAME), entries);
    else new Committer(db, new State(db)).commit([entries]);
  } finally {
    db.close();
  }
}

let posts = 0;

function post(inbox: string, entries: readonly Entry[]): void {
  mkdirSync(inbox, { recursive: true, mode: 0o700 });
  const path = join(inbox, `${Date.now()}-${process.pid}-${posts++}`);
  writeFileSync(`${path}.new`, entries.map(encodeLine).join(''));
  renameSync(`${path}.new`, `${path}.tail`);
}

/**
 * What other processes posted, oldest first.
 * @param keep called with a post's entries before it is removed: a kill in between brings them again, never loses them
 */
export function takePosts(runtimeDirectory: string, keep: (entries: Entry[]) => void): void {
  const inbox = join(runtimeDirectory, INBOX_NAME);
  let names: string[];
  try {
    names = readdirSync(inbox).filter((name) => name.endsWith('.tail'));
  } catch {
    return;
  }
  for (const name of names.sort()) {
    keep(Tail.read(join(inbox, name)));
    rmSync(join(inbox, name));
  }
}
