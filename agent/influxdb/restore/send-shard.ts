import { AgentError } from '../../system/errors.ts';
import { openShard } from '../snapshot/shard.ts';
import type { ShardFile } from '../snapshot/shard-manifest.ts';
import { shardSizes } from '../snapshot/shard-sizes.ts';
import { DamagedPart, type KeptShard } from './influx-backup.ts';
import type { RestoreServer } from './restore-server.ts';
import { bytesOf, tarBytes } from './wanted.ts';

export interface ShardToSend {
  /** In the backup. */
  oldId: number;
  /** In the server. */
  newId: number;
  shard: KeptShard;
  files: readonly ShardFile[];
}

export interface SentShard {
  files: readonly ShardFile[];
  /** What could not be read, a sentence each. */
  damaged: string[];
  /** False where the server has other files already, as after a compaction. */
  proved: boolean;
}

/**
 * Sends a shard and looks whether the server has it: InfluxDB answers 204 also where it took nothing, as when its disk is
 * full or the tar is cut off. Sent again, a file replaces the one of its name, so that breaking off does no harm.
 * @param skipDamaged whether to go on without what cannot be read
 * @throws AgentError; DamagedPart, which names what cannot be read
 */
export async function sendShard(
  server: RestoreServer,
  { oldId, newId, shard, files }: ShardToSend,
  skipDamaged: boolean,
  onSent: (bytes: number) => void,
): Promise<SentShard> {
  const damaged: string[] = [];
  let rest = files;
  for (let attempts = 1; ; attempts++) {
    rest = await sendWhole(server, { oldId, newId, shard, files: rest }, skipDamaged ? damaged : undefined, onSent);
    if (rest.length === 0) return { files: rest, damaged, proved: true };
    const there = await filesThere(server, newId);
    if (there.files === rest.length && there.bytes === bytesOf(rest)) return { files: rest, damaged, proved: true };
    if (there.files > 0 && attempts > 1) return { files: rest, damaged, proved: false };
    if (attempts > 2) {
      throw new AgentError(
        'unavailable',
        `${server.url} did not keep shard ${oldId} of the backup, and does not say why`,
        {
          hint: 'see the log of influxd; its disk may be full',
        },
      );
    }
    onSent(-tarBytes(rest));
  }
}

/** @param damaged takes what cannot be read, which is then left out; undefined: that is an error */
async function sendWhole(
  server: RestoreServer,
  { oldId, newId, shard, files }: ShardToSend,
  damaged: string[] | undefined,
  onSent: (bytes: number) => void,
): Promise<readonly ShardFile[]> {
  let rest = files;
  while (rest.length > 0) {
    try {
      const path = `/api/v2/restore/shards/${newId}`;
      await server.upload(`shard ${oldId}`, path, tarBytes(rest), () => shard.tar(rest), onSent);
      return rest;
    } catch (error) {
      if (!damaged || !(error instanceof DamagedPart)) throw error;
      damaged.push(error.message);
      const { path } = error;
      rest = path === undefined ? [] : rest.filter((file) => file.path !== path);
    }
  }
  return rest;
}

/** What the server has of a shard: as it counts itself, or, where it does not tell, as it would back it up. */
async function filesThere(server: RestoreServer, id: number): Promise<{ files: number; bytes: number }> {
  const sizes = await shardSizes(server.reader);
  if (sizes.size > 0) {
    const size = sizes.get(id) ?? '';
    return { files: sumOf(size, 'total'), bytes: sumOf(size, 'disk_bytes') };
  }
  const there = { files: 0, bytes: 0 };
  const shard = await openShard(server.reader, id);
  for await (const { name, size } of shard?.entries ?? []) {
    if (!name.endsWith('.tsm')) continue;
    there.files++;
    there.bytes += size;
  }
  return there;
}

const sumOf = (size: string, kind: string): number =>
  size
    .split(',')
    .filter((one) => one.startsWith(`${kind}=`))
    .reduce((sum, one) => sum + Number(one.slice(kind.length + 1)), 0);
