import { parse } from 'yaml';
import type { StoreConfig } from '../../config/backup-schema.ts';
import { DEFAULT_STATE_DIR } from '../../config/state-dir.ts';
import { requirePlace } from '../../journal/restorer.ts';
import { openExisting } from '../existing.ts';
import { openStore } from '../place.ts';
import { type Listed, listSnapshots, snapshotNamed } from '../prune.ts';
import type { Repository } from '../repository.ts';
import { SnapshotReader } from '../snapshot-reader.ts';
import { verify } from '../verify.ts';
import { type ConfigurationReport, configurationIn, restoreConfiguration } from './configuration.ts';
import { databasesIn, type KeptDatabase } from './database-kind.ts';
import { DatabaseNote } from './database-note.ts';
import {
  type JournalRestoreOptions,
  type JournalRestoreResult,
  journalBytes,
  mergeJournal,
  restoreJournal,
} from './journal.ts';
import { continueBackups } from './machine.ts';

export interface RestoreOptions extends JournalRestoreOptions {
  store: StoreConfig;
  /** Undefined: where the configuration of the backup says. */
  stateDir: string | undefined;
  identityFile: string | undefined;
  /** Its sequence, or `latest`. */
  which: string;
  /** Add to a journal that is there. */
  merge: boolean;
  /** Where the configuration goes; a file that is there stays. */
  configFile: string | undefined;
  dryRun: boolean;
  /** The servers come next: should that be broken off, it is known that they are owed. */
  withDatabases?: boolean;
}

export interface RestoreReport {
  stateDir: string;
  label: string;
  listed: Listed;
  createdMs: number;
  host: string;
  journal: JournalRestoreResult | undefined;
  /** Where the configuration was written; undefined when one was there, or it was not asked for. */
  config: ConfigurationReport | undefined;
  missing: { source: string; reason: string }[];
  /** Of a dry run. */
  rehearsal: Rehearsal | undefined;
  /** Servers whose data the backup holds. */
  databases: KeptDatabase[];
}

export interface Rehearsal {
  /** Readings of the journal by measurement, as they were counted when the backup was made. */
  counts: Record<string, number>;
  /** That the journal will need on the disk. */
  bytes: number;
  /** Objects that are there in their length. */
  objects: number;
  /** A sentence for each that is not. */
  problems: string[];
}

/**
 * Brings the journal of a backup, and on a new machine its configuration, back, and lets its backups go on.
 * @throws AgentError, before anything is changed when it can be known before
 */
export async function restore(options: RestoreOptions): Promise<RestoreReport> {
  const { merge, configFile, dryRun } = options;
  const { repository, listed, newest, snapshot } = await openSnapshot(options);
  const lost: string[] = [];
  // A dry run names all that is gone.
  const skipDamaged = dryRun || options.skipDamaged;
  const config = merge ? undefined : await configurationIn(snapshot, { configFile, skipDamaged }, lost);
  const stateDir = options.stateDir ?? stateDirIn(config?.text);
  const report: RestoreReport = {
    stateDir,
    label: repository.store.label,
    listed,
    createdMs: snapshot.manifest.createdMs,
    host: snapshot.details.host,
    journal: undefined,
    config: undefined,
    missing: [...(snapshot.details.missing ?? [])],
    rehearsal: undefined,
    databases: databasesIn(snapshot),
  };
  if (dryRun) {
    if (!merge) requirePlace(stateDir, journalBytes(snapshot));
    report.rehearsal = await rehearse(repository, snapshot, listed.name);
    return report;
  }
  if (merge) {
    report.journal = await mergeJournal(snapshot, stateDir, options);
    return report;
  }
  const before = async (restored: JournalRestoreResult) => {
    restored.damaged.push(...lost);
    await continueBackups(repository, snapshot, { stateDir, newest, restored });
    if (configFile !== undefined && config !== undefined)
      report.config = restoreConfiguration(config, configFile, stateDir);
    const backup = { backup: listed.name, sequence: listed.sequence };
    for (const { name } of report.databases) if (options.withDatabases) DatabaseNote.open(stateDir, name, backup);
  };
  report.journal = await restoreJournal(snapshot, stateDir, { ...options, before });
  return report;
}

async function rehearse(repository: Repository, snapshot: SnapshotReader, name: string): Promise<Rehearsal> {
  const { objects, damaged, problems } = await verify(repository, [name], { shareOf: () => 0 });
  const { counts } = snapshot.details;
  return {
    counts: { ...counts },
    bytes: journalBytes(snapshot),
    objects: objects - damaged.length,
    problems: [...snapshot.lost, ...problems],
  };
}

/** UTC ms. A clock that was ahead must not leave out what came since; a store's own clock is another, and copies are later. */
export const notLaterThanMade = ({ storedMs }: Listed, { manifest }: SnapshotReader): number =>
  Math.min(manifest.createdMs, storedMs, Date.now());

export async function openSnapshot({
  store,
  stateDir,
  identityFile,
  which,
  skipDamaged,
}: Pick<RestoreOptions, 'store' | 'stateDir' | 'identityFile' | 'which' | 'skipDamaged'>): Promise<{
  repository: Repository;
  listed: Listed;
  /** Sequence. */
  newest: number;
  snapshot: SnapshotReader;
}> {
  const opened = await openStore(store, 'look');
  const { repository, memory } = await openExisting(opened, stateDir ?? DEFAULT_STATE_DIR, identityFile);
  const all = await listSnapshots(repository, new Set(memory.verified));
  const listed = snapshotNamed(all, which, opened.label);
  const snapshot = await SnapshotReader.open(repository, listed.name, skipDamaged);
  return { repository, listed, newest: all.at(-1)?.sequence ?? 0, snapshot };
}

function stateDirIn(config: string | undefined): string {
  const { stateDir } = (parse(config ?? '') ?? {}) as { stateDir?: unknown };
  return typeof stateDir === 'string' ? stateDir : DEFAULT_STATE_DIR;
}
