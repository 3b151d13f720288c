import type { DatabaseSync } from 'node:sqlite';
import { openForReading } from '../journal/database.ts';
import { AgentError, messageOf } from '../system/errors.ts';
import type { Logger } from '../system/logging.ts';
import { ageEnvelope, plainEnvelope } from './envelope.ts';
import { journalFiles } from './journal-files.ts';
import { lockRepository } from './lock.ts';
import { type ObjectReference, sequenceOf } from './manifest.ts';
import { type Memory, type RememberedFile, recall, recallPlace, remember, rememberPlace } from './memory.ts';
import { OBJECTS, Repository } from './repository.ts';
import { type AddedFile, SnapshotWriter } from './snapshot-writer.ts';
import type { Store } from './store.ts';
import { verify } from './verify.ts';

/** Of what did not travel, so much is read back in each run: damage is found before it is needed. */
const REUSED_SHARE = 0.02;
/** A journal that has lost more than this of its readings since the last backup must not push out what has them. */
const SHRUNK = 0.9;

export interface BackupOptions {
  stateDir: string;
  store: Store;
  /** age recipients; none means: not encrypted, by explicit choice. */
  recipients: readonly string[];
  host: string;
  agentVersion: string;
  log: Logger;
  /** Begin anew in a place that had another repository. */
  anew?: boolean;
  nowMs?: number;
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
  /** Each object is there in its length; what was written, and a sample of the others, was read back to the last bit. */
  verified: boolean;
  problems: string[];
  /** Far fewer readings than in the backup before: retention has to wait for a person. */
  shrunk: boolean;
}

/** Backs up the journal of a state directory: objects, then the manifest, then what was sent is read back. */
export async function runBackup(options: BackupOptions): Promise<BackupResult> {
  const { stateDir, store, nowMs = Date.now() } = options;
  const db = openForReading(stateDir);
  try {
    const repository = await openForBackup(options);
    const unlock = await lockRepository(stateDir, store, nowMs);
    try {
      return await backUp(options, repository, db, nowMs);
    } finally {
      await unlock();
    }
  } finally {
    db.close();
  }
}

/**
 * The repository of the store; made in an empty one. What a store says decides nothing about encryption: only the
 * configuration does.
 * @throws AgentError when it is for other keys, or not the one that was there the last time
 */
async function openForBackup({ stateDir, store, recipients, anew = false }: BackupOptions): Promise<Repository> {
  const envelope = recipients.length > 0 ? ageEnvelope(recipients) : plainEnvelope;
  const before = recallPlace(stateDir, store.label);
  const found = await Repository.look(store);
  if (before !== undefined && found?.id !== before && !anew) {
    throw new AgentError(
      'storage',
      `${store.label} ${found ? 'has another repository than' : 'has no repository any more, as'} at the last backup`,
      {
        hint: 'is the disk mounted? To begin anew there: energy-monitor backup run --new',
      },
    );
  }
  const config = found ?? (await Repository.create(store, recipients));
  if ([...config.recipients].sort().join() !== [...recipients].sort().join()) {
    const asked = recipients.length > 0 ? 'another key' : 'no encryption';
    throw new AgentError(
      'config',
      `${store.label} is ${config.recipients.length > 0 ? 'encrypted for its own key' : 'not encrypted'}, and the configuration asks for ${asked}`,
      {
        hint: 'give another key another directory; the old backups stay as they are',
      },
    );
  }
  rememberPlace(stateDir, store.label, config.id);
  return new Repository(store, config, envelope);
}

async function backUp(
  options: BackupOptions,
  repository: Repository,
  db: DatabaseSync,
  nowMs: number,
): Promise<BackupResult> {
  const { stateDir, host, agentVersion, log } = options;
  const { id } = repository.config;
  const memory = recall(stateDir, id);
  const nameKey = memory.nameKey ?? (await SnapshotWriter.nameKey(repository)).toString('hex');
  // Before anything is sent: under another key all of it would travel again.
  if (memory.nameKey === undefined) remember(stateDir, id, { ...memory, nameKey });
  const writer = new SnapshotWriter(repository, Buffer.from(nameKey, 'hex'), (sent) =>
    remember(stateDir, id, { ...memory, nameKey, pending: [...memory.pending, ...sent] }),
  );
  const newest = await knowWhatIsThere(repository, writer, memory, log);

  const { added, counts, files } = await addFiles(writer, db, memory);
  const sequence = Math.max(memory.sequence, newest) + 1;
  const { name } = await writer.commit(sequence, nowMs, added, { host, agentVersion, counts });
  const sent = new Set([...writer.sent, ...memory.pending].map((object) => object.name));
  const shareOf = (object: ObjectReference) => (sent.has(object.name) ? 1 : REUSED_SHARE);
  const { problems, damaged } = await verify(repository, [name], { shareOf });
  const readings = Object.values(counts).reduce((sum, n) => sum + n, 0);
  remember(stateDir, id, {
    nameKey,
    sequence,
    verified: [...memory.verified, ...(problems.length === 0 ? [sequence] : [])].slice(-1000),
    // Older snapshots go on vouching for them.
    damaged: [...new Set([...memory.damaged, ...damaged])],
    pending: [],
    readings,
    files,
  });
  return {
    name,
    sequence,
    files: added.length,
    bytes: added.reduce((sum, file) => sum + file.bytes, 0),
    counts,
    sentObjects: writer.sent.length,
    sentBytes: writer.sent.reduce((sum, object) => sum + object.bytes, 0),
    verified: problems.length === 0,
    problems,
    shrunk: readings < memory.readings * SHRUNK,
  };
}

/**
 * What any snapshot needs, is there in its length, and was not found damaged, need not travel.
 * @returns the newest sequence
 */
async function knowWhatIsThere(
  repository: Repository,
  writer: SnapshotWriter,
  memory: Memory,
  log: Logger,
): Promise<number> {
  const there = new Map<string, number>();
  for await (const { name, bytes } of repository.store.list(OBJECTS)) there.set(name, bytes);
  const damaged = new Set(memory.damaged);
  let newest = 0;
  for (const name of await repository.names()) {
    try {
      const manifest = await repository.manifest(name);
      newest = Math.max(newest, manifest.sequence);
      for (const object of manifest.objects) {
        if (there.get(object.name) === object.bytes && !damaged.has(object.name)) writer.know(object);
      }
    } catch (error) {
      newest = Math.max(newest, Math.min(sequenceOf(name) ?? 0, memory.sequence));
      log.error({ reason: messageOf(error), snapshot: name }, 'a backup is damaged');
    }
  }
  for (const object of memory.pending) if (there.get(object.name) === object.bytes) writer.know(object);
  return newest;
}

async function addFiles(writer: SnapshotWriter, db: DatabaseSync, memory: Memory) {
  const added: AddedFile[] = [];
  const counts: Record<string, number> = {};
  const files: Record<string, RememberedFile> = {};
  // One transaction: all files are of one moment, while the collector goes on.
  db.exec('BEGIN');
  try {
    for (const file of journalFiles(db)) {
      const before = memory.files[file.path];
      const unchanged = file.stamp !== undefined && before?.stamp === file.stamp;
      const isThere = before?.objects.every((object) => writer.knows(object));
      const one =
        before && unchanged && isThere
          ? { path: file.path, ...before }
          : { ...(await writer.add(file)), counts: file.counts() };
      added.push(one);
      for (const [measurement, n] of Object.entries(one.counts)) counts[measurement] = (counts[measurement] ?? 0) + n;
      if (file.stamp !== undefined) {
        const { bytes, sha256, objects } = one;
        files[file.path] = { stamp: file.stamp, bytes, sha256, objects, counts: one.counts };
      }
    }
    return { added, counts, files };
  } finally {
    if (db.isTransaction) db.exec('ROLLBACK');
  }
}
