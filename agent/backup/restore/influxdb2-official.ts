import { createReadStream } from 'node:fs';
import { readdir, readFile, stat } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { pipeline } from 'node:stream';
import { createGunzip } from 'node:zlib';
import {
  DamagedPart,
  type InfluxBackup,
  type KeptDatabase,
  type KeptShard,
} from '../../influxdb/restore/influx-backup.ts';
import { BrokenAnswer } from '../../influxdb/snapshot/broken-answer.ts';
import { type BucketManifest, parseBucketManifests } from '../../influxdb/snapshot/bucket-manifest.ts';
import { type ShardFile, safePath } from '../../influxdb/snapshot/shard-manifest.ts';
import { readTar, type TarEntry } from '../../influxdb/snapshot/tar-reader.ts';
import { writeTar } from '../../influxdb/snapshot/tar-writer.ts';
import { AgentError, errnoOf, messageOf } from '../../system/errors.ts';

/** A file as a manifest names it. */
interface FileEntry {
  fileName: string;
  /** On the disk. */
  size: number;
  /** 0: as it is; 1: gzip. */
  compression: number;
}

interface OfficialManifest {
  kv?: FileEntry;
  sql?: FileEntry;
  buckets: BucketManifest[];
}

/**
 * A directory that `influx backup` (InfluxDB 2.1 and later) has written, as a restore takes it. Of several backups in it
 * the newest counts for the databases, and for each bucket, as with `influx restore`.
 * @throws AgentError when there is none, or a manifest cannot be read
 */
export async function readInfluxBackup(directory: string): Promise<InfluxBackup> {
  const manifests = await readManifests(directory);
  const newest = manifests.at(-1);
  if (!newest) {
    throw new AgentError('storage', `there is no backup of InfluxDB 2 in ${directory}`, {
      hint: 'influx backup writes one: files of which one ends in .manifest',
    });
  }
  const buckets = new Map<string, BucketManifest>();
  for (const manifest of manifests) {
    for (const bucket of manifest.buckets) {
      buckets.set(JSON.stringify([bucket.organizationName, bucket.bucketName]), bucket);
    }
  }
  const entries = new Map<number, FileEntry>();
  for (const shard of [...buckets.values()].flatMap(shardEntries)) entries.set(shard.id, shard);
  const file = (entry: FileEntry) => new OfficialFile(directory, entry);
  // Sizes of what is packed are known only when it was unpacked.
  const databases = new Map<string, KeptDatabase>();
  for (const name of ['kv', 'sql'] as const) {
    const entry = newest[name];
    if (!entry || entry.fileName === '') continue;
    const content = () => file(entry).content();
    databases.set(name, { bytes: await lengthOf(content()), content });
  }
  return {
    label: directory,
    version: undefined,
    buckets: [...buckets.values()],
    database: (name) => databases.get(name),
    shard: async (id) => {
      const entry = entries.get(id);
      return entry && keptShard(file(entry));
    },
  };
}

async function readManifests(directory: string): Promise<OfficialManifest[]> {
  try {
    const names = (await readdir(directory)).filter((name) => name.endsWith('.manifest')).sort();
    const manifests: OfficialManifest[] = [];
    for (const name of names)
      manifests.push(parseManifest(join(directory, name), await readFile(join(directory, name))));
    return manifests;
  } catch (error) {
    if (error instanceof AgentError) throw error;
    throw new AgentError('storage', `${directory} cannot be read: ${messageOf(error)}`, {
      hint: 'name the directory that influx backup has written',
      cause: error,
    });
  }
}

function parseManifest(path: string, data: Buffer): OfficialManifest {
  try {
    const { manifestVersion, kv, sql, buckets } = JSON.parse(data.toString()) as Record<string, unknown>;
    if (manifestVersion !== 2) throw new Error(`it has version ${String(manifestVersion)}, not 2`);
    const manifest = {
      buckets: parseBucketManifests(JSON.stringify(buckets)),
      ...(isFileEntry(kv) ? { kv } : {}),
      ...(isFileEntry(sql) ? { sql } : {}),
    };
    if (manifest.buckets.flatMap(shardEntries).every(isFileEntry)) return manifest;
    throw new Error('a shard has no file');
  } catch (error) {
    throw new AgentError('storage', `${path} is no manifest of a backup of InfluxDB 2: ${messageOf(error)}`, {
      hint: 'of a backup of InfluxDB 2.0 make a newer one: its server can be upgraded in place',
    });
  }
}

function isFileEntry(value: unknown): value is FileEntry {
  if (typeof value !== 'object' || value === null) return false;
  const { fileName, size, compression } = value as Record<string, unknown>;
  // Whatever a manifest says, it does not lead out of its directory.
  const isName = typeof fileName === 'string' && fileName === basename(fileName) && !/^\.\.?$/.test(fileName);
  return isName && Number.isSafeInteger(size) && (compression === 0 || compression === 1);
}

const shardEntries = (bucket: BucketManifest): (FileEntry & { id: number })[] =>
  bucket.retentionPolicies
    .flatMap(({ shardGroups }) => shardGroups)
    .flatMap(({ shards }) => shards as (FileEntry & { id: number })[]);

async function lengthOf(content: AsyncIterable<Uint8Array>): Promise<number> {
  let bytes = 0;
  for await (const piece of content) bytes += piece.length;
  return bytes;
}

/** The tar is read to its end first: the server would swallow its damage. */
async function keptShard(file: OfficialFile): Promise<KeptShard> {
  const files: ShardFile[] = [];
  for await (const { content: _content, ...header } of file.entries()) {
    files.push(header.type === 'file' ? { ...header, path: safePath(header.name) } : header);
  }
  return {
    files,
    tar: (wanted) => {
      const names = new Set(wanted.map(({ name }) => name));
      return writeTar(
        (async function* () {
          for await (const { content, ...header } of file.entries()) {
            if (names.has(header.name)) yield { header, content: () => content };
          }
        })(),
      );
    },
  };
}

/** A file of the backup, unpacked. */
class OfficialFile {
  readonly #path: string;
  readonly #entry: FileEntry;

  constructor(directory: string, entry: FileEntry) {
    this.#path = join(directory, entry.fileName);
    this.#entry = entry;
  }

  async *content(): AsyncGenerator<Buffer> {
    try {
      const { size } = await stat(this.#path);
      if (size !== this.#entry.size) throw new BrokenAnswer(`it has ${size} bytes instead of ${this.#entry.size}`);
      const packed = createReadStream(this.#path);
      if (this.#entry.compression === 0) yield* packed as AsyncIterable<Buffer>;
      // The iterator tells the error as well.
      else yield* pipeline(packed, createGunzip({ rejectGarbageAfterEnd: true }), () => {}) as AsyncIterable<Buffer>;
    } catch (error) {
      throw this.#damaged(error);
    }
  }

  async *entries(): AsyncGenerator<TarEntry> {
    try {
      yield* readTar(this.content());
    } catch (error) {
      throw this.#damaged(error);
    }
  }

  #damaged(error: unknown): unknown {
    if (error instanceof DamagedPart || (errnoOf(error) === undefined && !(error instanceof BrokenAnswer)))
      return error;
    const what = errnoOf(error) === 'ENOENT' ? 'gone' : `damaged: ${messageOf(error)}`;
    return new DamagedPart(`${this.#path} is ${what}`, { cause: error });
  }
}
