import { statSync } from 'node:fs';
import { History } from '../history/history.ts';
import type { JournalExtent } from '../journal/counts.ts';
import { DamagedJournal } from '../journal/damage.ts';
import { journalPath } from '../journal/database.ts';
import type { HeldGroup } from '../journal/held.ts';
import { CollectorLock } from '../journal/lock.ts';
import { JournalReader } from '../journal/reader.ts';
import { likelyDirectories, runtimeDirectory } from '../journal/runtime-directory.ts';
import { type AsideReport, asideReports } from '../journal/salvage/reports.ts';
import { AgentError, messageOf } from '../system/errors.ts';
import { pathBehind } from '../system/kernel-files.ts';
import { type CollectorStatus, isAlive, readStatus } from './status.ts';

export interface StatusReport {
  stateDir: string;
  running: boolean;
  /** Who has the journal says nothing of himself: he is just starting, or this user may not see him. */
  isUnseen: boolean;
  collector: CollectorStatus | undefined;
  /** Null while it cannot be read. Its readings are not counted: that would read all of it. */
  journal: (JournalExtent & { bytes: number }) | null;
  /** Why it cannot be read, or written. */
  problem: { message: string; hint: string | undefined } | undefined;
  /** Damaged journals that were set aside, and how far they are salvaged. */
  setAside: AsideReport[];
  /** Readings whose time is not known, or is another one's. */
  held: HeldGroup[];
  /** `takenMs`: the newest reading that is in the roll-ups; what came after is computed when it is asked for. */
  history: { bytes: number; fromMs: number | null; takenMs: number | null; zone: string } | { problem: string };
}

/**
 * @param runtimeDirectory of a collector that is known: then it is a fact, and no error, that the journal cannot be read
 * @throws AgentError where there is no journal, or no right to read it
 */
export function gatherStatus(stateDir: string, runtimeDirectory?: string): StatusReport {
  const seen = look(stateDir, runtimeDirectory);
  const collector = readStatus(seen.directory);
  const running = collector !== undefined && isAlive(collector.pid) && collector.stoppedMs === undefined;
  const problem = seen.problem ?? (running ? collector.journal?.problem : undefined);
  const { journal, setAside, held } = seen;
  const isUnseen = !running && isLocked(stateDir);
  return { stateDir, running, isUnseen, collector, journal, problem, setAside, held, history: historyOf(stateDir) };
}

function isLocked(stateDir: string): boolean {
  try {
    return CollectorLock.isHeld(stateDir);
  } catch (error) {
    // The lock of another user: then nobody knows.
    if (error instanceof AgentError) return false;
    throw error;
  }
}

function look(stateDir: string, known: string | undefined) {
  let reader: JournalReader | undefined;
  try {
    reader = new JournalReader(stateDir);
    const directory = known ?? reader.runtimeDirectory() ?? runtimeDirectory(stateDir).path;
    const journal = { ...reader.extent(), bytes: bytesOf(stateDir) };
    return { directory, journal, problem: undefined, setAside: reader.setAside(), held: reader.held() };
  } catch (error) {
    // A journal that is damaged, or waits for room, says nothing of where its collector has its status.
    if (!(error instanceof AgentError)) throw error;
    const isThere = pathBehind(stateDir) !== undefined;
    if (known !== undefined) {
      const setAside = isThere ? asideReports(stateDir, undefined) : [];
      return { directory: known, journal: null, problem: error, setAside, held: [] };
    }
    if (!isThere) throw error;
    const path = likelyDirectories(stateDir).find((one) => readStatus(one)) ?? runtimeDirectory(stateDir).path;
    const alive = isAlive(readStatus(path)?.pid ?? 0);
    if (!(error instanceof DamagedJournal) && !alive) throw error;
    return { directory: path, journal: null, problem: error, setAside: asideReports(stateDir, undefined), held: [] };
  } finally {
    reader?.close();
  }
}

function historyOf(stateDir: string): StatusReport['history'] {
  try {
    const history = new History(stateDir);
    try {
      return history.status();
    } finally {
      history.close();
    }
  } catch (error) {
    return { problem: messageOf(error) };
  }
}

function bytesOf(stateDir: string): number {
  const path = journalPath(stateDir);
  return [path, `${path}-wal`].reduce((sum, file) => sum + (statSync(file, { throwIfNoEntry: false })?.size ?? 0), 0);
}
