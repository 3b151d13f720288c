import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { AgentError } from '../../system/errors.ts';
import type { RememberedFile } from '../memory.ts';

/** A shard as the manifest of `influxd backup -portable` lists it. */
export interface ListedShard {
  policy: string;
  id: number;
  /** Its tar.gz beside the manifest. */
  fileName: string;
  /** Of the tar, without compression; one without files is two empty blocks. */
  size: number;
}

export interface Listing {
  meta: Buffer;
  /** In the order of their ids. */
  shards: ListedShard[];
}

interface Manifest {
  meta: { fileName: string };
  files: { database: string; policy: string; shardID: number; fileName: string; size: number }[] | null;
}

/** What `influxd backup -portable` has written into a directory. @throws AgentError */
export function readListing(directory: string, database: string): Listing {
  const names = readdirSync(directory).filter((name) => name.endsWith('.manifest'));
  const [name] = names;
  if (name === undefined || names.length > 1) {
    throw new AgentError('unavailable', 'influxd backup left no manifest', { retryable: true, hint: 'run it again' });
  }
  const manifest = JSON.parse(readFileSync(join(directory, name), 'utf8')) as Manifest;
  const shards = (manifest.files ?? [])
    .filter((file) => file.database === database)
    .map(({ policy, shardID, fileName, size }) => ({ policy, id: shardID, fileName, size }));
  return {
    meta: readFileSync(join(directory, manifest.meta.fileName)),
    shards: shards.sort((a, b) => a.id - b.id),
  };
}

/** What a run leaves for the next one to know which shards it need not read. */
export interface ReadShards {
  /** Which server. */
  of: string;
  /** UTC ms on this machine's clock: when it began. */
  startedMs: number;
  /** The shard that was read although nothing told that it had changed. */
  turn: number;
  /** Files by shard. */
  files: Record<string, number>;
}

/** @param stamp of the database's backup.json, if the last snapshot has one */
export function readShards(stamp: string | undefined, of: string): ReadShards | undefined {
  try {
    const last = JSON.parse(stamp ?? '') as ReadShards;
    return last.of === of ? last : undefined;
  } catch {
    return undefined;
  }
}

/** The files of a shard in the last snapshot, by path; undefined when they are not all there. */
export function knownFiles(
  shard: ListedShard,
  directory: string,
  before: ReadonlyMap<string, RememberedFile>,
  last: ReadShards | undefined,
): [string, RememberedFile][] | undefined {
  const prefix = `${directory}/shards/${shard.id}/`;
  const known = [...before].filter(([path]) => path.startsWith(prefix));
  const isWhole = known.length === last?.files[shard.id] && known.every(([, { stamp }]) => stamp !== undefined);
  return isWhole ? known : undefined;
}

/** Those that are read in any case: of each policy the newest, which is written to, and one of the others in turn. */
export function alwaysRead(shards: readonly ListedShard[], last: ReadShards | undefined) {
  const newest = new Map(shards.map(({ policy, id }) => [policy, id]));
  const others = shards.filter(({ policy, id }) => newest.get(policy) !== id);
  const turn = (others.find(({ id }) => id > (last?.turn ?? 0)) ?? others[0])?.id ?? 0;
  return { turn, ids: new Set([...newest.values(), turn]) };
}
