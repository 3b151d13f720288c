import { chmodSync, existsSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { DamagedJournal, damageIn } from './damage.ts';
import { journalFile, journalPath, storageError } from './database.ts';
import { runtimeDirectory } from './runtime-directory.ts';

/** In the runtime directory: which file another process has found damaged. */
const NOTE_NAME = 'journal.damaged';

/** Runs what reads the journal. @throws AgentError for what SQLite throws */
export type Guarded = <T>(read: () => T) => T;

/**
 * For who reads a journal: what SQLite throws becomes a sentence, and a damaged file is told to the collector, which looks
 * at the end of the journal alone.
 * @param runtime the collector's runtime directory, where it is another than this process would have
 */
export function guardedReads(stateDir: string, runtime: () => string | undefined = () => undefined): Guarded {
  const file = journalFile(stateDir);
  return (read) => {
    try {
      return read();
    } catch (error) {
      const isDamaged = damageIn(error) === 'yes';
      if (isDamaged) tell(stateDir, file, runtime);
      const isOfSqlite = isDamaged || (error instanceof Error && 'errcode' in error);
      throw isOfSqlite ? storageError(journalPath(stateDir), error) : error;
    }
  };
}

/** The same for what is read piece by piece. */
export function* guardedEach<T>(guarded: Guarded, iterable: Iterable<T>): Generator<T> {
  const pieces = iterable[Symbol.iterator]();
  try {
    for (let next = guarded(() => pieces.next()); !next.done; next = guarded(() => pieces.next())) yield next.value;
  } finally {
    // Who takes no more of them.
    pieces.return?.();
  }
}

/** Tells the collector of it, where that can be. @param file as it was opened (journalFile) */
export function tell(stateDir: string, file: string | undefined, runtime: () => string | undefined): void {
  try {
    const directory = found(runtime) ?? runtimeDirectory(stateDir).path;
    if (file === undefined) return;
    const path = join(directory, NOTE_NAME);
    writeFileSync(`${path}.new`, file);
    // The collector may be another user, whatever this one's umask is.
    chmodSync(`${path}.new`, 0o644);
    renameSync(`${path}.new`, path);
  } catch {
    // It cannot be told there: another user's, or not to be found any more.
  }
}

/** Where the collector is says the journal, which is damaged. */
function found(runtime: () => string | undefined): string | undefined {
  try {
    return runtime();
  } catch {
    return undefined;
  }
}

/** What another process has found, said once. */
export function damageTold(directory: string, stateDir: string): DamagedJournal | undefined {
  const path = join(directory, NOTE_NAME);
  if (!existsSync(path)) return undefined;
  let file: string;
  try {
    file = readFileSync(path, 'utf8');
    rmSync(path);
  } catch {
    // Whatever lies there, it must not end a collector.
    return undefined;
  }
  const isThisOne = file === journalFile(stateDir);
  return isThisOne ? new DamagedJournal(journalPath(stateDir), 'another process could not read it') : undefined;
}
