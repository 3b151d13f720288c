import type { DatabaseSync } from 'node:sqlite';
import { openForReading } from '../journal/database.ts';
import type { Logger } from '../system/logging.ts';
import { ageEnvelope, plainEnvelope } from './envelope.ts';
import { journalFiles } from './journal-files.ts';
import { lockRepository } from './lock.ts';
import { type ObjectReference, sequenceOf } from './manifest.ts';
import { type Memory, type RememberedFile, recall, remember } from './memory.ts';
import { type AddedFile, Repository } from './repository.ts';
import type { Store } from './store.ts';
import { verify } from './verify.ts';

export interface BackupOptions {
  stateDir: string;
  store: Store;
  /** age recipients; none means: not encrypted, by explicit choice. */
  recipients: string[];
  host: string;
  agentVersion: string;
  log: Logger;
  nowMs?: number;
  onFile?: (path: string) => void;
}

export interface BackupResult {
  name: string;
  sequence: number;
  files: number;
  /** Of all files. */
  bytes: number;
  counts: Record<string, number>;
  sentObjects: number;
  sentBytes: number;
  /** Read back after writing, to the last bit. */
  verified: boolean;
  problems: string[];
}

/** Backs up the journal of a state directory: objects, then the manifest, then what was sent is read back. */
export async function runBackup(options: BackupOptions): Promise<BackupResult> {
  const { stateDir, store, nowMs = Date.now() } = options;
  const db = openForReading(stateDir);
  try {
    const unlock = await lockRepository(store, nowMs);
    try {
      return await backUp(options, db, nowMs);
    } finally {
      await unlock();
    }
  } finally {
    db.close();
  }
}

async function backUp(options: BackupOptions, db: DatabaseSync, nowMs: number): Promise<BackupResult> {
  const { stateDir, store, recipients, host, agentVersion } = options;
  const config = (await Repository.look(store)) ?? (await Repository.create(store, recipients));
  const memory = recall(stateDir, config.id);
  const envelope = config.recipients.length > 0 ? ageEnvelope(config.recipients) : plainEnvelope;
  const nameKey = memory.nameKey === undefined ? undefined : Buffer.from(memory.nameKey, 'hex');
  const repository = await Repository.open(store, config, envelope, nameKey);
  const names = await repository.names();
  await knowNewest(repository, names, options.log);

  const { added, counts, files } = await addFiles(options, repository, db, memory);
  const sequence = Math.max(memory.sequence, ...names.map((name) => sequenceOf(name) ?? 0)) + 1;
  const { name, manifest } = await repository.commit(sequence, nowMs, added, { host, agentVersion, counts });
  const sent = new Set(repository.sent.map((object) => object.name));
  const { problems } = await verify(repository, [name], { share: 1, choose: (object) => sent.has(object.name) });
  remember(stateDir, config.id, {
    nameKey: repository.nameKey.toString('hex'),
    sequence,
    verified: [...memory.verified, ...(problems.length === 0 ? [sequence] : [])].slice(-1000),
    files,
  });
  return {
    name,
    sequence,
    files: added.length,
    bytes: added.reduce((sum, file) => sum + file.bytes, 0),
    counts,
    sentObjects: repository.sent.length,
    sentBytes: repository.sent.reduce((sum, object) => sum + object.bytes, 0),
    verified: problems.length === 0,
    problems: [...problems, ...(manifest.objects.length === 0 ? ['the snapshot is empty'] : [])],
  };
}

/** The newest snapshot that can be read says what need not travel; a damaged one is told and passed over. */
async function knowNewest(repository: Repository, names: readonly string[], log: Logger): Promise<void> {
  for (const name of [...names].reverse()) {
    try {
      repository.know(await repository.manifest(name));
      return;
    } catch (error) {
      log.error({ err: error, snapshot: name }, 'a backup is damaged; what it had is sent again');
    }
  }
}

async function addFiles({ onFile }: BackupOptions, repository: Repository, db: DatabaseSync, memory: Memory) {
  const added: AddedFile[] = [];
  const counts: Record<string, number> = {};
  const files: Record<string, RememberedFile> = {};
  // One transaction: all files are of one moment, while the collector goes on.
  db.exec('BEGIN');
  try {
    for (const file of journalFiles(db)) {
      onFile?.(file.path);
      const before = memory.files[file.path];
      const unchanged = before?.stamp === file.stamp && before?.objects.every((object) => repository.knows(object));
      const one: AddedFile & { counts: Record<string, number> } =
        before && unchanged
          ? { path: file.path, ...before }
          : { ...(await repository.add(file)), counts: file.counts() };
      added.push(one);
      for (const [measurement, n] of Object.entries(one.counts)) counts[measurement] = (counts[measurement] ?? 0) + n;
      if (file.stamp !== undefined) {
        const { bytes, sha256, objects } = one;
        files[file.path] = {
          stamp: file.stamp,
          bytes,
          sha256,
          objects: objects as ObjectReference[],
          counts: one.counts,
        };
      }
    }
  } finally {
    db.exec('COMMIT');
  }
  return { added, counts, files };
}
