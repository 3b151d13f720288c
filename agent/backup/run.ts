import { AgentError, messageOf } from '../system/errors.ts';
import type { Logger } from '../system/logging.ts';
import { gather } from './gather.ts';
import { holdAfter, holdBefore } from './hold.ts';
import { lockRepository } from './lock.ts';
import { DamagedManifestError, type MissingSource, type ObjectReference, sequenceOf } from './manifest.ts';
import { type Memory, recall, remember } from './memory.ts';
import { openForBackup } from './opening.ts';
import { originOf } from './origin.ts';
import { OBJECTS, type Repository } from './repository.ts';
import { SnapshotWriter } from './snapshot-writer.ts';
import type { BackupSource } from './source.ts';
import type { Store } from './store.ts';
import { verify } from './verify.ts';

/** Of what did not travel, so much is read back in each run, and not more than these bytes: damage is found before it is needed. */
const REUSED_SHARE = 0.02;
const REUSED_BYTES = 4e6;
const REMEMBERED_SEQUENCES = 1000;
/** Objects. */
const REMEMBER_EACH = 32;

export interface BackupOptions {
  stateDir: string;
  store: Store;
  /** The journal first; the others are left out where they cannot be read. */
  sources: readonly BackupSource[];
  /** age recipients; none means: not encrypted, by explicit choice. */
  recipients: readonly string[];
  host: string;
  agentVersion: string;
  log: Logger;
  /** Begin anew in a place that had another repository. */
  anew?: boolean;
  /** Go on with the repository of another machine, which this one replaces. */
  adopt?: boolean;
  nowMs?: number;
  /** Told what is being done, for a terminal. */
  onProgress?: (progress: BackupProgress) => void;
  /** After so long the run ends, and the next one goes on: a slow line must not keep the other stores waiting. */
  budgetMs?: number;
  /** Before a source that failed is asked again. */
  pausesMs?: readonly number[];
}

export interface BackupProgress {
  /** The file that is being looked at; undefined while the backup is verified. */
  path: string | undefined;
  sentObjects: number;
  sentBytes: number;
}

export interface BackupResult {
  name: string;
  sequence: number;
  files: number;
  /** Of all files. */
  bytes: number;
  counts: Record<string, number>;
  sentObjects: number;
  /** With the manifest. */
  sentBytes: number;
  /** Each object is there in its length; what was written, and a sample of the others, is right to the last bit. */
  verified: boolean;
  problems: string[];
  /** Sources that are not in it. */
  missing: MissingSource[];
  /** Why retention has to wait for a person; undefined when it has not. */
  hold: string | undefined;
}

/** One snapshot of the sources into a store: objects, then the manifest, then what was sent is read back. */
export async function runBackup(options: BackupOptions): Promise<BackupResult> {
  const { stateDir, store, log, nowMs = Date.now() } = options;
  const repository = await openForBackup(options);
  const unlock = await lockRepository(stateDir, store, nowMs, log);
  try {
    return await backUp(options, repository, nowMs);
  } finally {
    await unlock();
  }
}

async function backUp(options: BackupOptions, repository: Repository, nowMs: number): Promise<BackupResult> {
  const { stateDir, store, host, agentVersion, log, onProgress, adopt = false, budgetMs = Infinity } = options;
  const startedMs = performance.now();
  const { id } = repository.config;
  const before = recall(stateDir, id);
  const origin = originOf(stateDir);
  const known = await knowWhatIsThere(repository, before, log);
  if (!adopt && known.newestOrigin !== before.replaces) repository.refuseOther(known.newestOrigin, origin);
  const nameKey = before.nameKey ?? (await SnapshotWriter.nameKey(repository)).toString('hex');
  const held = holdBefore(before, known.newest);
  const memory: Memory = { ...before, nameKey, ...(held !== undefined && { hold: held }) };
  // Before anything is sent: under another key all of it would travel again.
  if (before.nameKey === undefined) remember(stateDir, id, memory);
  const progress: BackupProgress = { path: undefined, sentObjects: 0, sentBytes: 0 };
  const writer = new SnapshotWriter(repository, Buffer.from(nameKey, 'hex'), (sent) => {
    // A run that is broken off then leaves little to write again.
    if (sent.length % REMEMBER_EACH === 0) rememberSent();
    progress.sentObjects = sent.length;
    progress.sentBytes += sent.at(-1)?.bytes ?? 0;
    onProgress?.(progress);
    if (isGathering && performance.now() - startedMs > budgetMs) throw pausing(store, progress);
  });
  for (const object of known.objects) writer.know(object);
  let isGathering = true;
  const rememberSent = () => {
    // What a verification finds meanwhile stays found.
    const { damaged } = recall(stateDir, id);
    remember(stateDir, id, { ...memory, damaged, pending: [...memory.pending, ...writer.sent] });
  };
  const { added, counts, files, missing } = await gather({
    writer,
    sources: options.sources,
    remembered: memory.files,
    log,
    onFile: (path) => onProgress?.(Object.assign(progress, { path })),
    pausesMs: options.pausesMs,
  }).finally(() => {
    // Whatever happens from here on, the next run knows what to look at.
    if (writer.sent.length > 0) rememberSent();
  });
  // What is left is little, and nothing of it would be found again.
  isGathering = false;
  onProgress?.(Object.assign(progress, { path: undefined }));
  const sequence = Math.max(memory.sequence, known.newest) + 1;
  const details = { host, agentVersion, counts, ...(missing.length > 0 && { missing }) };
  const { name, objects, lists, manifestBytes } = await writer.commit(
    { sequence, origin, createdMs: nowMs, complete: missing.length === 0 },
    added,
    details,
  );
  const { problems, damaged } = await verify(repository, [name], {
    shareOf: shareToRead(store, objects, [...writer.sent, ...memory.pending], lists),
  });
  const readings = Object.values(counts).reduce((sum, n) => sum + n, 0);
  const hold = holdAfter(memory, readings);
  const isWhole = problems.length === 0 && missing.length === 0;
  remember(stateDir, id, {
    nameKey,
    sequence,
    verified: [...memory.verified, ...(isWhole ? [sequence] : [])].slice(-REMEMBERED_SEQUENCES),
    // Older snapshots go on vouching for them.
    damaged: [...new Set([...recall(stateDir, id).damaged, ...damaged])],
    // Not verified, all of it is looked at again.
    pending: notIn(problems.length > 0 ? [] : objects, [...known.pending, ...writer.sent]),
    readings,
    ...(hold !== undefined && { hold }),
    files,
  });
  return {
    name,
    sequence,
    files: added.length,
    bytes: sizeOf(added),
    counts,
    sentObjects: writer.sent.length,
    sentBytes: sizeOf(writer.sent) + manifestBytes,
    verified: problems.length === 0,
    problems,
    missing,
    hold,
  };
}

function pausing({ label }: Store, { sentObjects, sentBytes }: BackupProgress): AgentError {
  const sent = `${sentObjects} objects (${(sentBytes / 1e6).toFixed(0)} MB) are there`;
  return new AgentError('unavailable', `the time for one upload to ${label} is over: ${sent}`, {
    hint: 'the next backup goes on from there; it needs no help',
  });
}

function sizeOf(things: readonly { bytes: number }[]): number {
  return things.reduce((sum, { bytes }) => sum + bytes, 0);
}

/** Such as those of a source that failed half-way: it is asked again the next time. */
function notIn(needed: readonly ObjectReference[], objects: readonly ObjectReference[]): ObjectReference[] {
  const names = new Set(needed.map(({ name }) => name));
  return objects.filter(({ name }) => !names.has(name));
}

/**
 * What was written is read back, unless the store has compared it itself, and so are the lists on which all snapshots depend;
 * of the rest a sample.
 */
function shareToRead(
  { provesWrites }: Store,
  objects: readonly ObjectReference[],
  written: readonly ObjectReference[],
  lists: readonly ObjectReference[],
): (object: ObjectReference) => number {
  const isRead = new Set([...(provesWrites ? [] : written), ...lists].map(({ name }) => name));
  const share = Math.min(REUSED_SHARE, REUSED_BYTES / Math.max(1, sizeOf(objects)));
  return ({ name }) => (isRead.has(name) ? 1 : share);
}

interface Known {
  /** These need not travel. */
  objects: Iterable<ObjectReference>;
  /** Of these, what an earlier run wrote and no snapshot needs yet. */
  pending: ObjectReference[];
  /** The highest sequence. */
  newest: number;
  newestOrigin: string | undefined;
}

/**
 * What the newest readable snapshot needs, or this machine remembers, is there in its length and was not found damaged, need
 * not travel. A machine that remembers nothing and can open the repository reads all snapshots.
 */
async function knowWhatIsThere(repository: Repository, memory: Memory, log: Logger): Promise<Known> {
  const there = new Map<string, number>();
  for await (const { name, bytes } of repository.store.list(OBJECTS)) there.set(name, bytes);
  const damaged = new Set(memory.damaged);
  const isWhole = ({ name, bytes }: ObjectReference) => there.get(name) === bytes && !damaged.has(name);
  const known: Known = { objects: [], pending: memory.pending.filter(isWhole), newest: 0, newestOrigin: undefined };
  const objects = new Map<string, ObjectReference>();
  let found = false;
  for (const name of (await repository.names()).reverse()) {
    try {
      const manifest = await repository.manifest(name);
      if (!found) known.newestOrigin = manifest.origin;
      found = true;
      known.newest = Math.max(known.newest, manifest.sequence);
      for (const object of manifest.objects) if (isWhole(object)) objects.set(object.name, object);
      // A machine that remembers nothing names objects otherwise, unless it can open the key of names.
      if (memory.nameKey !== undefined || !repository.envelope.opens) break;
    } catch (error) {
      if (!(error instanceof DamagedManifestError)) throw error;
      known.newest = Math.max(known.newest, Math.min(sequenceOf(name) ?? 0, memory.sequence));
      log.error({ reason: messageOf(error), snapshot: name }, 'a backup is damaged');
    }
  }
  const remembered = Object.values(memory.files).flatMap(({ objects }) => objects);
  for (const object of remembered) if (isWhole(object)) objects.set(object.name, object);
  for (const object of known.pending) objects.set(object.name, object);
  known.objects = objects.values();
  return known;
}
