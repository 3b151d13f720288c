import { createWriteStream } from 'node:fs';
import { mkdir, open, readdir, rename, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { createGzip } from 'node:zlib';
import { DamagedPart, type InfluxBackup, type KeptDatabase } from '../../influxdb/restore/influx-backup.ts';
import { shardsOf } from '../../influxdb/snapshot/bucket-manifest.ts';
import { AgentError, errnoOf, messageOf } from '../../system/errors.ts';
import { collectBuffers } from '../../system/garbage.ts';
import type { SnapshotReader } from '../snapshot-reader.ts';
import { snapshotInflux } from './influxdb2.ts';

const GZIP = 1;
const MANIFEST_VERSION = 2;

export interface ExportOptions {
  /** Whether to go on without what cannot be read; the shards in question are then not in the manifest. */
  skipDamaged?: boolean;
  signal?: AbortSignal | undefined;
  /** Told after each file, with the bytes it has on the disk. */
  onFile?: (fileName: string, bytes: number) => void;
}

export interface ExportedBackup {
  /** Begins the names of all its files: `20260301T120000Z`. */
  baseName: string;
  shards: number;
  /** On the disk. */
  bytes: number;
  damaged: string[];
}

/** A file as the manifest names it. */
interface FileEntry {
  fileName: string;
  size: number;
  compression: typeof GZIP;
}

/**
 * Writes the InfluxDB 2 of a snapshot as `influx backup` would have written it, for `influx restore`. The manifest comes
 * last: without it a directory is none. All of it is for its owner's eyes alone, as it may hold tokens.
 * @param directory is made; it has to be empty, since `influx restore` puts all manifests of a directory together
 * @throws AgentError, as snapshotInflux() besides
 */
export async function exportInfluxBackup(
  snapshot: SnapshotReader,
  sourceName: string,
  directory: string,
  options: ExportOptions = {},
): Promise<ExportedBackup> {
  const backup = await snapshotInflux(snapshot, sourceName);
  await guarded(directory, () => emptyDirectory(directory));
  const baseName = baseNameOf(snapshot.manifest.createdMs);
  const files = new ExportedFiles(directory, baseName, options);
  const kv = await databaseFile(files, backup, 'kv', 'bolt');
  const sql = await databaseFile(files, backup, 'sql', 'sqlite');
  const { shards, damaged } = await shardFiles(files, backup, options.skipDamaged ?? false);
  const manifest = {
    manifestVersion: MANIFEST_VERSION,
    // Without the databases it is good for single buckets alone; `influx restore` wants an entry all the same.
    kv: kv ?? { fileName: '', size: 0, compression: 0 },
    ...(sql ? { sql } : {}),
    buckets: backup.buckets.map((bucket) => ({
      ...bucket,
      retentionPolicies: bucket.retentionPolicies.map((policy) => ({
        ...policy,
        shardGroups: policy.shardGroups.map((group) => ({
          ...group,
          shards: group.shards.flatMap((shard) => {
            const entry = shards.get(shard.id);
            return entry ? [{ ...shard, ...entry }] : [];
          }),
        })),
      })),
    })),
  };
  await files.write(`${baseName}.manifest`, [Buffer.from(JSON.stringify(manifest))], false);
  return { baseName, shards: shards.size, bytes: files.bytes, damaged };
}

/** UTC. */
function baseNameOf(ms: number): string {
  return `${new Date(ms).toISOString().replace(/[-:]/g, '').replace(/\..*/, '')}Z`;
}

async function databaseFile(
  files: ExportedFiles,
  backup: InfluxBackup,
  name: 'kv' | 'sql',
  ending: string,
): Promise<FileEntry | undefined> {
  const database: KeptDatabase | undefined = backup.database(name);
  return database && files.write(`${files.baseName}.${ending}.gz`, database.content());
}

async function shardFiles(
  files: ExportedFiles,
  backup: InfluxBackup,
  skipDamaged: boolean,
): Promise<{ shards: Map<number, FileEntry>; damaged: string[] }> {
  const shards = new Map<number, FileEntry>();
  const damaged: string[] = [];
  for (const id of backup.buckets.flatMap(shardsOf).toSorted((a, b) => a - b)) {
    try {
      const shard = await backup.shard(id);
      if (shard) shards.set(id, await files.write(`${files.baseName}.${id}.tar.gz`, shard.tar(shard.files)));
    } catch (error) {
      if (!skipDamaged || !(error instanceof DamagedPart)) throw error;
      damaged.push(error.message);
    }
  }
  return { shards, damaged };
}

/** Writes the files of an export: each is whole, on the disk, or not there. */
class ExportedFiles {
  readonly baseName: string;
  bytes = 0;
  readonly #directory: string;
  readonly #options: ExportOptions;

  constructor(directory: string, baseName: string, options: ExportOptions) {
    this.baseName = baseName;
    this.#directory = directory;
    this.#options = options;
  }

  async write(
    fileName: string,
    content: AsyncIterable<Uint8Array> | Iterable<Uint8Array>,
    packed = true,
  ): Promise<FileEntry> {
    const { signal, onFile } = this.#options;
    const path = join(this.#directory, fileName);
    const temporary = `${path}.part`;
    try {
      const target = createWriteStream(temporary, { mode: 0o600, flush: true });
      const stop = signal ? { signal } : {};
      // Fast: TSM files are packed already.
      if (packed) await pipeline(counted(content), createGzip({ level: 1 }), target, stop);
      else await pipeline(counted(content), target, stop);
      const { size } = await stat(temporary);
      await rename(temporary, path);
      await syncDirectory(this.#directory);
      this.bytes += size;
      onFile?.(fileName, size);
      return { fileName, size, compression: GZIP };
    } catch (error) {
      await rm(temporary, { force: true });
      signal?.throwIfAborted();
      throw asStorageError(this.#directory, error);
    }
  }
}

async function* counted(content: AsyncIterable<Uint8Array> | Iterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  for await (const piece of content) {
    collectBuffers(piece.length);
    yield piece;
  }
}

async function emptyDirectory(directory: string): Promise<void> {
  await mkdir(directory, { recursive: true, mode: 0o700 });
  if ((await readdir(directory)).length === 0) return;
  throw new AgentError('usage', `${directory} is not empty`, { hint: 'name a new directory' });
}

async function syncDirectory(path: string): Promise<void> {
  const directory = await open(path, 'r');
  try {
    await directory.sync();
  } finally {
    await directory.close();
  }
}

async function guarded<T>(directory: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    throw asStorageError(directory, error);
  }
}

function asStorageError(directory: string, error: unknown): unknown {
  if (error instanceof AgentError || errnoOf(error) === undefined) return error;
  const isFull = /^(ENOSPC|EDQUOT)$/.test(errnoOf(error) ?? '');
  return new AgentError('storage', `${directory} cannot be written to: ${messageOf(error)}`, {
    hint: isFull ? 'make room there, or name another directory' : 'name another directory',
    cause: error,
  });
}
