import { createHash } from 'node:crypto';
import { chownSync, existsSync, mkdirSync, rmSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import type { StoreConfig } from '../../config/backup-schema.ts';
import { secretPath } from '../../config/secrets.ts';
import { storeName } from '../../config/store-name.ts';
import { journalPath, storageError } from '../../journal/database.ts';
import { AgentError } from '../../system/errors.ts';
import { KernelLock } from '../../system/kernel-lock.ts';
import type { Logger } from '../../system/logging.ts';
import { heirIn } from '../../system/owner.ts';
import { isExposed, requirePrivateFile } from '../../system/private-file.ts';
import type { Configured } from '../configured.ts';
import { recall } from '../memory.ts';
import { noteFinding, readOutcomes } from '../outcome.ts';
import { openStore, storesOf } from '../place.ts';
import type { Listed } from '../prune.ts';
import { recordValues } from '../record.ts';
import type { Repository } from '../repository.ts';
import { databasesIn } from '../restore/database-kind.ts';
import { notLaterThanMade, openSnapshot } from '../restore/restore.ts';
import type { SnapshotReader } from '../snapshot-reader.ts';
import { drillConfiguration } from './configuration-drill.ts';
import { type DatabaseDrill, drillDatabase } from './database-drill.ts';
import { drillJournal, type JournalDrill } from './journal-drill.ts';
import type { DrillPart, DrillProgress } from './part.ts';

export interface DrillOptions {
  /** Its sequence, or `latest`. */
  which: string;
  /** By default the one whose turn it is: each drill takes another. */
  store: string | undefined;
  /** By default that of `backup.drill` in the configuration. */
  identityFile: string | undefined;
  /** A directory that has room for the journal; by default the state directory. */
  scratch: string | undefined;
  /** A program: InfluxDB 2 is then restored into a server of its own, and not beside the live buckets. */
  influxd: string | undefined;
  /** So long a request to a server is tried again. */
  patienceMs?: number;
  log: Logger;
  onProgress: DrillProgress;
}

export interface DrillReport {
  store: string;
  label: string;
  sequence: number;
  /** UTC ms, by the clock of the machine that was backed up. */
  createdMs: number;
  seconds: number;
  parts: DrillPart[];
  problems: number;
}

/** Whoever looks for what takes the room finds whose it is. */
const SCRATCH = 'energy-monitor-drill';

/**
 * Restores a backup on trial: journal, configuration and servers, each compared with what is live, and removed again. What
 * it finds is noted for `status` and goes into the journal.
 * @throws AgentError when it could not be tried at all
 */
export async function drill(configured: Configured, options: DrillOptions): Promise<DrillReport> {
  const { stateDir } = configured;
  const { log } = options;
  const config = whoseTurn(configured, options.store);
  const lock = lockOf(stateDir);
  const scratch = scratchIn(stateDir, options.scratch);
  const startedMs = Date.now();
  try {
    clear(scratch);
    const identityFile = identityOf(configured, options);
    const opened = await openSnapshot({
      store: config,
      stateDir,
      identityFile,
      which: options.which,
      skipDamaged: true,
    });
    const { repository, snapshot, listed } = opened;
    if (!repository.envelope.opens) throw keyless();
    const memory = recall(stateDir, repository.config.id);
    // What is remembered is of the newest backup alone.
    const files = memory.sequence === snapshot.manifest.sequence ? memory.files : {};
    const madeMs = notLaterThanMade(listed, snapshot);
    const parts = await partsOf(snapshot, { configured, scratch, options, madeMs, files });
    const { label } = repository.store;
    const problems = parts.reduce((sum, part) => sum + part.problems.length, 0);
    if (problems > 0) await requireStillThere(repository, listed);
    const seconds = (Date.now() - startedMs) / 1000;
    const { sequence, createdMs } = snapshot.manifest;
    const report = { store: storeName(config), label, sequence, createdMs, seconds, parts, problems };
    const endedMs = Date.now();
    noteFinding(stateDir, report.store, label, { drilled: { madeMs: endedMs, sequence, problems } }, log);
    const values = { drill_problems: problems, drill_seconds: seconds, drill_sequence: sequence };
    record(configured, report.store, endedMs, values, log);
    return report;
  } catch (error) {
    if (error instanceof AgentError && !(error instanceof Superseded) && !isMistake(error, configured, options)) {
      const label = await labelOf(config);
      const drilled = { madeMs: Date.now(), failed: error.message };
      noteFinding(stateDir, storeName(config), label, { drilled }, log);
      record(configured, storeName(config), drilled.madeMs, { drill_problems: 1 }, log);
    }
    throw error;
  } finally {
    rmSync(scratch, { recursive: true, force: true });
    lock.release();
  }
}

/** Under another one all that is known of the store would be forgotten. */
async function labelOf(config: StoreConfig): Promise<string> {
  try {
    return (await openStore(config, 'look')).label;
  } catch {
    return 'azure' in config ? config.azure : config.directory;
  }
}

/** Where there is no journal none is made: one with a reading would be in the way of a restore. */
function record({ stateDir }: Configured, ...rest: Tail<Parameters<typeof recordValues>>): void {
  if (existsSync(journalPath(stateDir))) recordValues(stateDir, ...rest);
}

type Tail<T extends unknown[]> = T extends [unknown, ...infer Rest] ? Rest : never;

/** The store that is named, or the one whose last drill is the oldest. */
function whoseTurn({ backup, stateDir }: Configured, name: string | undefined): StoreConfig {
  const outcomes = readOutcomes(stateDir);
  const drilledMs = (store: StoreConfig) => outcomes[storeName(store)]?.drilled?.madeMs ?? 0;
  const [first] = storesOf(backup, name).toSorted((a, b) => drilledMs(a) - drilledMs(b));
  if (first) return first;
  throw new AgentError('config', 'there is no store in the configuration');
}

/** Says nothing of the backups that there are. */
class Superseded extends AgentError {}

/** What prune takes away while it is tried looks damaged. */
async function requireStillThere(repository: Repository, { name, sequence }: Listed): Promise<void> {
  const names = await repository.names();
  if (names.length === 0 || names.includes(name)) return;
  throw new Superseded('unavailable', `backup ${sequence} was removed while it was tried`, {
    hint: 'it was pruned, as newer ones are there: drill again',
  });
}

/** Of who stands beside it, and sees it. What is wrong at a timer, whatever it is, has to be told by `status`. */
const isMistake = ({ code }: AgentError, { backup }: Configured, { identityFile }: DrillOptions): boolean =>
  code === 'usage' || (code === 'config' && (identityFile !== undefined || (!backup.unencrypted && !backup.drill)));

function lockOf(stateDir: string): KernelLock {
  const path = join(stateDir, 'drill.lock');
  let lock: KernelLock | undefined;
  try {
    lock = KernelLock.acquire(path);
  } catch (error) {
    throw storageError(path, error);
  }
  if (lock) return lock;
  throw new AgentError('locked', 'another drill of this machine is running', { hint: 'wait for it' });
}

/** In a place that others may use as well, it is this state directory's own. */
function scratchIn(stateDir: string, given: string | undefined): string {
  if (given === undefined) return join(stateDir, SCRATCH);
  return join(given, `${SCRATCH}-${createHash('sha256').update(resolve(stateDir)).digest('hex').slice(0, 8)}`);
}

/** What a drill that was killed has left goes, also one of root: the directory is whose the one above is. */
function clear(scratch: string): void {
  try {
    rmSync(scratch, { recursive: true, force: true });
    mkdirSync(scratch, { mode: 0o700 });
    const heir = heirIn(dirname(scratch));
    if (heir) chownSync(scratch, heir.uid, heir.gid);
  } catch (error) {
    throw storageError(scratch, error);
  }
}

function identityOf({ backup }: Configured, { identityFile }: DrillOptions): string | undefined {
  if (identityFile !== undefined || backup.drill === undefined) return identityFile;
  const path = secretPath(backup.drill.identityFile);
  requirePrivateFile(path);
  // To a credential systemd gives its reader rights in a list of their own, which look like those of a group.
  if (!backup.drill.identityFile.includes('/') || !isExposed(path)) return path;
  throw new AgentError('permission', `others than its owner may read the key ${path}, which opens the backups`, {
    hint: `sudo chmod 600 ${path}`,
  });
}

const keyless = () =>
  new AgentError('config', 'a drill opens the backup, and needs a key', {
    hint: 'name the recovery key with --identity-file, or for a timer a key of its own with drill in backup of the configuration',
  });

async function partsOf(
  snapshot: SnapshotReader,
  { configured, scratch, options, madeMs, files }: DatabaseDrill & Pick<JournalDrill, 'files'>,
): Promise<DrillPart[]> {
  const { stateDir } = configured;
  const { onProgress } = options;
  const parts = [await drillJournal(snapshot, { stateDir, scratch, madeMs, files, onProgress })];
  // The room is needed for the next part.
  clear(scratch);
  parts.push(await drillConfiguration(snapshot));
  for (const database of databasesIn(snapshot))
    parts.push(await drillDatabase(snapshot, database, { configured, scratch, options, madeMs }));
  for (const { source, reason } of snapshot.details.missing ?? [])
    parts.push({ name: source, done: 'not in this backup', problems: [`the backup was made without it: ${reason}`] });
  return parts;
}
