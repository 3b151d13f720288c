import { mkdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { type StoreConfig, storeName } from '../../config/backup-schema.ts';
import { parseConfig } from '../../config/load.ts';
import { secretPath } from '../../config/secrets.ts';
import { storageError } from '../../journal/database.ts';
import { AgentError, messageOf } from '../../system/errors.ts';
import { KernelLock } from '../../system/kernel-lock.ts';
import type { Logger } from '../../system/logging.ts';
import { isExposed, requirePrivateFile } from '../../system/private-file.ts';
import type { Configured } from '../configured.ts';
import { noteFinding, readOutcomes, recordValues } from '../outcome.ts';
import { storesOf } from '../place.ts';
import { databasesIn } from '../restore/database-kind.ts';
import { openSnapshot } from '../restore/restore.ts';
import type { SnapshotReader } from '../snapshot-reader.ts';
import { drillDatabase } from './database-drill.ts';
import { drillJournal } from './journal-drill.ts';
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

const CONFIG = 'config/config.yaml';
/** Whoever looks for what takes the room finds whose it is. */
const SCRATCH = 'energy-monitor-drill';
/** Mistakes of a person and a drill that runs already say nothing of the backup. */
const SAYS_NOTHING = new Set<AgentError['code']>(['usage', 'config', 'permission', 'locked']);

/**
 * Restores a backup on trial: journal, configuration and servers, each compared with what is live, and removed again. What
 * it finds is noted for `status` and goes into the journal.
 * @throws AgentError when it could not be tried at all
 */
export async function drill(configured: Configured, options: DrillOptions): Promise<DrillReport> {
  const { stateDir } = configured;
  const { log } = options;
  const config = whoseTurn(configured, options.store);
  const lock = KernelLock.acquire(join(stateDir, 'drill.lock'));
  if (!lock) throw new AgentError('locked', 'another drill of this machine is running', { hint: 'wait for it' });
  const scratch = join(options.scratch ?? stateDir, SCRATCH);
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
    const { repository, snapshot } = opened;
    if (!repository.envelope.opens) throw keyless();
    const parts = await partsOf(snapshot, { configured, scratch, options });
    const { label } = repository.store;
    const problems = parts.reduce((sum, part) => sum + part.problems.length, 0);
    const seconds = (Date.now() - startedMs) / 1000;
    const { sequence, createdMs } = snapshot.manifest;
    const report = { store: storeName(config), label, sequence, createdMs, seconds, parts, problems };
    const madeMs = Date.now();
    noteFinding(stateDir, report.store, label, { drilled: { madeMs, sequence, problems } }, log);
    const values = { drill_problems: problems, drill_seconds: seconds, drill_sequence: sequence };
    recordValues(stateDir, report.store, madeMs, values, log);
    return report;
  } catch (error) {
    if (error instanceof AgentError && !SAYS_NOTHING.has(error.code)) {
      const label = 'azure' in config ? config.azure : config.directory;
      const drilled = { madeMs: Date.now(), failed: error.message };
      noteFinding(stateDir, storeName(config), label, { drilled }, log);
      recordValues(stateDir, storeName(config), drilled.madeMs, { drill_problems: 1 }, log);
    }
    throw error;
  } finally {
    rmSync(scratch, { recursive: true, force: true });
    lock.release();
  }
}

/** The store that is named, or the one whose last drill is the oldest. */
function whoseTurn({ backup, stateDir }: Configured, name: string | undefined): StoreConfig {
  const outcomes = readOutcomes(stateDir);
  const drilledMs = (store: StoreConfig) => outcomes[storeName(store)]?.drilled?.madeMs ?? 0;
  const [first] = storesOf(backup, name).toSorted((a, b) => drilledMs(a) - drilledMs(b));
  if (first) return first;
  throw new AgentError('config', 'there is no store in the configuration');
}

/** What a drill that was killed has left goes. */
function clear(scratch: string): void {
  try {
    rmSync(scratch, { recursive: true, force: true });
    mkdirSync(scratch, { mode: 0o700 });
  } catch (error) {
    throw storageError(scratch, error);
  }
}

function identityOf({ backup }: Configured, { identityFile }: DrillOptions): string | undefined {
  if (identityFile !== undefined || backup.drill === undefined) return identityFile;
  const path = secretPath(backup.drill.identityFile);
  requirePrivateFile(path);
  if (!isExposed(path)) return path;
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
  { configured, scratch, options }: { configured: Configured; scratch: string; options: DrillOptions },
): Promise<DrillPart[]> {
  const { stateDir } = configured;
  const { onProgress } = options;
  const parts = [await drillJournal(snapshot, { stateDir, scratch, onProgress })];
  // The room is needed for the next part.
  clear(scratch);
  parts.push(await drillConfiguration(snapshot));
  for (const database of databasesIn(snapshot))
    parts.push(await drillDatabase(snapshot, database, { configured, scratch, options }));
  for (const { source, reason } of snapshot.details.missing ?? [])
    parts.push({ name: source, done: 'not in this backup', problems: [`the backup was made without it: ${reason}`] });
  return parts;
}

/** A new machine begins with it: this version has to take it. */
async function drillConfiguration(snapshot: SnapshotReader): Promise<DrillPart> {
  const part: DrillPart = { name: 'config', done: 'read, and valid', problems: [] };
  const file = snapshot.file(CONFIG);
  try {
    if (file) parseConfig((await snapshot.whole(file)).toString(), CONFIG, { tables: 'skip' });
    else part.problems.push('the backup has no configuration');
  } catch (error) {
    if (!(error instanceof AgentError)) throw error;
    part.problems.push(messageOf(error));
  }
  return part.problems.length > 0 ? { ...part, done: 'not good for a new machine' } : part;
}
