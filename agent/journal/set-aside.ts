import { existsSync, linkSync, readdirSync, renameSync, rmSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { syncDirectoryNow } from '../system/sync-directory.ts';
import { journalPath } from './database.ts';
import { whileReplacing } from './gate.ts';

const ENDINGS = ['', '-wal', '-shm'];
const SET_ASIDE = /^(journal\.db\.damaged-\d{8}T\d{6}Z(?:-\d+)?)(-wal|-shm)?$/;

/**
 * Gives a damaged journal another name, with what lies beside it; nothing is removed, and it costs no room. Who has it open
 * goes on with the old file and finds out by journalFile().
 * @returns its new path; undefined when somebody is just opening it: to be tried again
 * @throws what the file system throws
 */
export function setAside(stateDir: string, nowMs: number): string | undefined {
  const path = journalPath(stateDir);
  return whileReplacing(stateDir, () => {
    const aside = freeName(path, nowMs);
    // Cut off after the database, SQLite may remove the write-ahead file that is left alone: it needs a second name first.
    const hasSecondName = linked(`${path}-wal`, `${aside}-wal`);
    if (existsSync(path)) renameSync(path, aside);
    if (hasSecondName) rmSync(`${path}-wal`);
    for (const ending of ['-wal', '-shm']) {
      if (existsSync(`${path}${ending}`)) renameSync(`${path}${ending}`, `${aside}${ending}`);
    }
    syncDirectoryNow(stateDir);
    return aside;
  });
}

/** Some file systems know no second names. */
function linked(path: string, name: string): boolean {
  try {
    linkSync(path, name);
    return true;
  } catch {
    return false;
  }
}

/** A write-ahead file that SQLite is going to cut is copied under such a name, without a database. */
export function freeName(path: string, nowMs: number): string {
  const stamp = new Date(nowMs).toISOString().replace(/[-:]|\.\d+/g, '');
  const first = `${path}.damaged-${stamp}`;
  for (let n = 1; ; n++) {
    const name = n === 1 ? first : `${first}-${n}`;
    if (!ENDINGS.some((ending) => existsSync(`${name}${ending}`))) return name;
  }
}

/** A journal that was set aside. */
export interface AsideFile {
  path: string;
  /** With what lies beside it. */
  bytes: number;
}

/** The journals that were set aside and are still there, oldest first. */
export function asideFiles(stateDir: string): AsideFile[] {
  const found = new Map<string, number>();
  for (const name of readdirSync(stateDir)) {
    const [, file] = SET_ASIDE.exec(name) ?? [];
    if (file === undefined) continue;
    const { size } = statSync(join(stateDir, name), { throwIfNoEntry: false }) ?? { size: 0 };
    found.set(file, (found.get(file) ?? 0) + size);
  }
  return [...found].sort().map(([name, bytes]) => ({ path: join(stateDir, name), bytes }));
}
