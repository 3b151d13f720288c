import { mkdirSync, rmSync, statfsSync } from 'node:fs';
import { join } from 'node:path';
import { storageError } from '../../journal/database.ts';
import { AgentError } from '../../system/errors.ts';
import type { RememberedFile } from '../memory.ts';
import type { BackupSource, SourceFile } from '../source.ts';
import { backupInto, checkInfluxd, type InfluxdOptions } from './influxd-program.ts';
import {
  alwaysRead,
  knownFiles,
  type ListedShard,
  type Listing,
  type ReadShards,
  readListing,
  readShards,
} from './influxdb1-shards.ts';
import { readTarGz, type TarFile } from './influxdb1-tar.ts';

export interface Influxdb1SourceOptions extends InfluxdOptions {
  /** Of the source, and the beginning of its paths. */
  name: string;
  databases: readonly string[];
  /** A directory of its own is made there, and goes again: one shard at a time, on a disk, not in memory as /tmp may be. */
  stateDir: string;
  nowMs?: number;
}

/** What is needed to put the files together again. */
export interface Influxdb1Index {
  database: string;
  shards: { policy: string; id: number; files: TarFile[] }[];
}

/** The server's clock may differ from ours, and files that a backup was busy with come again. */
const MARGIN_MS = 3_600_000;
/** Later than any file: a listing of the shards without their files. */
const NOTHING_SINCE_MS = Date.UTC(2200, 0);
/** A tar without files. */
const EMPTY_TAR_BYTES = 1024;
/** influxd writes the tar, and then the tar.gz beside it. */
const COPIES = 2;
const SPARE_BYTES = 64e6;

/** Where the files of a database are in a snapshot. @param name of the source */
export const directoryOf = (name: string, database: string) => `${name}/${encodeURIComponent(database)}`;

/**
 * Databases of an InfluxDB 1.8 by `influxd backup -portable`: `NAME/DATABASE/shards/ID/000000001-000000001.tsm`, the
 * metadata as `NAME/DATABASE/meta` and what puts them together again as `NAME/DATABASE/backup.json`. A TSM file never
 * changes once it is written; a shard that has no newer file since the last run is not read.
 *
 * That goes by the server's clock, which can have been wrong: the shards that are written to are read in each run, and one
 * of the others, another one each time.
 */
export function influxdb1Source(options: Influxdb1SourceOptions): BackupSource {
  return { name: options.name, files: (before) => files(options, before) };
}

async function* files(
  options: Influxdb1SourceOptions,
  before: ReadonlyMap<string, RememberedFile>,
): AsyncGenerator<SourceFile> {
  await checkInfluxd(options);
  const directory = join(options.stateDir, 'influxdb1-backup');
  try {
    for (const database of options.databases) yield* new Run(options, database, directory).files(before);
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

class Run {
  readonly #options: Influxdb1SourceOptions;
  readonly #database: string;
  readonly #directory: string;
  readonly #path: string;
  readonly #startedMs: number;

  constructor(options: Influxdb1SourceOptions, database: string, directory: string) {
    this.#options = options;
    this.#database = database;
    this.#directory = directory;
    this.#path = directoryOf(options.name, database);
    this.#startedMs = options.nowMs ?? Date.now();
  }

  async *files(before: ReadonlyMap<string, RememberedFile>): AsyncGenerator<SourceFile> {
    const { host, port } = this.#options;
    const indexPath = `${this.#path}/backup.json`;
    const of = `${host}:${port}`;
    const last = readShards(before.get(indexPath)?.stamp, of);
    const { meta, shards } = await this.#list(last);
    const { turn, ids } = alwaysRead(shards, last);

    const index: Influxdb1Index = { database: this.#database, shards: [] };
    for (const shard of shards) {
      const known = ids.has(shard.id) || hasNewFiles(shard) ? undefined : knownFiles(shard, this.#path, before, last);
      const listed: TarFile[] = [];
      if (known) {
        for (const [path, file] of known) {
          listed.push(this.#tarFile(shard, path, file));
          yield { path, stamp: file.stamp, content: [] };
        }
      } else {
        for await (const { content, ...file } of this.#read(shard, before)) {
          listed.push(file);
          yield { path: this.#pathOf(shard, file), stamp: `${file.bytes} ${file.mtimeS}`, content };
        }
      }
      listed.sort((a, b) => (a.name < b.name ? -1 : 1));
      index.shards.push({ policy: shard.policy, id: shard.id, files: listed });
    }
    yield { path: `${this.#path}/meta`, content: [meta] };
    const counts = Object.fromEntries(index.shards.map((shard) => [shard.id, shard.files.length]));
    const run: ReadShards = { of, startedMs: this.#startedMs, turn, files: counts };
    yield { path: indexPath, stamp: JSON.stringify(run), content: [Buffer.from(`${JSON.stringify(index)}\n`)] };
  }

  /** All shards; those with files since the last run have them in their tar. */
  async #list(last: ReadShards | undefined): Promise<Listing> {
    // A last run in times to come tells of a clock that was wrong then.
    const isUsable = last !== undefined && last.startedMs <= this.#startedMs;
    const sinceMs = isUsable ? last.startedMs - MARGIN_MS : NOTHING_SINCE_MS;
    await this.#backup('-since', `${new Date(sinceMs).toISOString().slice(0, 19)}Z`);
    const listing = readListing(this.#directory, this.#database);
    return isUsable ? listing : { ...listing, shards: listing.shards.map((shard) => ({ ...shard, size: Infinity })) };
  }

  async *#read({ policy, id }: ListedShard, before: ReadonlyMap<string, RememberedFile>): ReturnType<typeof readTarGz> {
    this.#requireRoom(`${this.#path}/shards/${id}/`, before);
    await this.#backup('-rp', policy, '-shard', String(id));
    const shard = readListing(this.#directory, this.#database).shards.find((one) => one.id === id);
    if (!shard) {
      throw new AgentError('unavailable', `shard ${id} of database ${this.#database} went away during the backup`, {
        retryable: true,
        hint: 'its time may be over (retention); run it again',
      });
    }
    yield* readTarGz(join(this.#directory, shard.fileName));
  }

  async #backup(...choice: string[]): Promise<void> {
    try {
      // Also what a run has left that was killed.
      rmSync(this.#directory, { recursive: true, force: true });
      mkdirSync(this.#directory, { recursive: true, mode: 0o700 });
    } catch (error) {
      throw storageError(this.#options.stateDir, error);
    }
    await backupInto(this.#directory, ['-db', this.#database, ...choice], this.#options);
  }

  #requireRoom(prefix: string, before: ReadonlyMap<string, RememberedFile>): void {
    const known = [...before].filter(([path]) => path.startsWith(prefix));
    const needed = SPARE_BYTES + COPIES * known.reduce((sum, [, { bytes }]) => sum + bytes, 0);
    const { bavail, bsize } = statfsSync(this.#options.stateDir);
    if (bavail * bsize >= needed) return;
    throw new AgentError('storage', `${this.#options.stateDir} has no room for a shard of InfluxDB`, {
      hint: `make ${Math.ceil(needed / 1e6)} MB free there`,
    });
  }

  /** The part of the name below the shard's directory. */
  #pathOf({ policy, id }: ListedShard, { name }: TarFile): string {
    const prefix = `${this.#database}/${policy}/${id}/`;
    return `${this.#path}/shards/${id}/${name.startsWith(prefix) ? name.slice(prefix.length) : name}`;
  }

  #tarFile({ policy, id }: ListedShard, path: string, { stamp, bytes }: RememberedFile): TarFile {
    const name = `${this.#database}/${policy}/${id}/${path.slice(`${this.#path}/shards/${id}/`.length)}`;
    return { name, bytes, mtimeS: Number(stamp?.split(' ')[1]) };
  }
}

const hasNewFiles = ({ size }: ListedShard) => size > EMPTY_TAR_BYTES;
