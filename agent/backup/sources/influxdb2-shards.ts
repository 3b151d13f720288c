import type { PatientClient } from '../../influxdb/snapshot/patient-client.ts';
import { lookForNewer, openShard } from '../../influxdb/snapshot/shard.ts';
import { encodeShardManifest, type ShardFile, safePath } from '../../influxdb/snapshot/shard-manifest.ts';
import { AgentError } from '../../system/errors.ts';
import type { RememberedFile } from '../memory.ts';
import type { SourceFile } from '../source.ts';
import {
  fileStamp,
  isStampOf,
  lookStamp,
  mtimeOf,
  type RememberedShard,
  rememberedShards,
  SHARD_MANIFEST,
} from './influxdb2-stamps.ts';

/** The server's clock may have been so far ahead when it wrote a file, or behind: a Pi has no clock of its own. */
const MARGIN_MS = 24 * 3_600_000;

export interface ShardsNow {
  ids: readonly number[];
  /** The server's clock, milliseconds since 1970; undefined where it does not tell. */
  serverMs: number | undefined;
  /** What the server says of files and bytes, by shard; empty where it says nothing. */
  sizes: ReadonlyMap<number, string>;
}

/** What of a shard is in the snapshot. */
export interface ShardSummary {
  files: number;
  bytes: number;
}

/**
 * The files of the shards, those that are unchanged as they are remembered. A shard counts as unchanged when no file of it
 * is newer than a day before it was last read, and the server has as many files and bytes for it as then. The second is
 * needed: deleted points can take a file with them, which no newer one tells of. One unchanged shard a run, in turn, is
 * read all the same, and after the server's clock was put back each one.
 */
export class ShardFiles {
  /** By shard, filled while `files` is read. */
  readonly summaries = new Map<number, ShardSummary>();
  readonly #client: PatientClient;
  readonly #below: string;

  /** @param below path above the shards' own, with a slash at its end */
  constructor(client: PatientClient, below: string) {
    this.#client = client;
    this.#below = below;
  }

  async *files(now: ShardsNow, before: ReadonlyMap<string, RememberedFile>): AsyncGenerator<SourceFile> {
    const known = rememberedShards(before, this.#below);
    const clockIsBack = [...known.values()].some(({ look }) => look.serverMs > (now.serverMs ?? 0));
    const turn = now.ids.toSorted((a, b) => (known.get(a)?.look.serverMs ?? 0) - (known.get(b)?.look.serverMs ?? 0));
    const inTurn = turn.find((id) => known.has(id));
    for (const id of now.ids) {
      const shard = known.get(id);
      const asBefore = shard !== undefined && id !== inTurn && !clockIsBack && (await this.#isAsBefore(id, shard, now));
      if (asBefore) yield* this.#remembered(id, shard);
      else yield* this.#read(id, shard, now, id === inTurn);
    }
  }

  async #isAsBefore(id: number, { look, files }: RememberedShard, { sizes }: ShardsNow): Promise<boolean> {
    if (sizes.size > 0 && (sizes.get(id) ?? '') !== look.size) return false;
    const since = look.serverMs - MARGIN_MS;
    // The answer is clear, and asking would make the server write what it has in memory into one more file.
    if ([...files.values()].some(({ stamp }) => mtimeOf(stamp) * 1000 > since)) return false;
    return (await lookForNewer(this.#client, id, since)) === 'nothing';
  }

  *#remembered(id: number, { files }: RememberedShard): Generator<SourceFile> {
    const summary = { files: files.size - 1, bytes: 0 };
    for (const [path, { stamp, bytes }] of files) {
      if (path !== this.#manifestPath(id)) summary.bytes += bytes;
      yield { path, stamp, content: unread(path) };
    }
    this.summaries.set(id, summary);
  }

  /** @param anew whether contents are looked at also where size and time are as they were */
  async *#read(
    id: number,
    before: RememberedShard | undefined,
    { sizes, serverMs }: ShardsNow,
    anew: boolean,
  ): AsyncGenerator<SourceFile> {
    const shard = await openShard(this.#client, id);
    if (!shard) {
      if (!before) return;
      // It is listed, had files, and retention has not given it up: InfluxDB leaves out what it could not open.
      this.#client.log.warn({ shard: id }, 'the server lists a shard that it does not give: the last one is kept');
      yield* this.#remembered(id, before);
      return;
    }
    const readMs = shard.serverMs ?? serverMs ?? 0;
    const files: ShardFile[] = [];
    for await (const { content, ...header } of shard.entries) {
      if (header.type === 'directory') {
        files.push(header);
        continue;
      }
      const path = safePath(header.name);
      if (path === SHARD_MANIFEST || files.some((file) => file.path === path)) throw doubled(id, header.name);
      files.push({ ...header, path });
      const whole = `${this.#below}${id}/${path}`;
      const { name, size, mtimeS } = header;
      const last = before?.files.get(whole)?.stamp ?? '';
      // TSM files are never changed; others, such as tombstones, are written again within the same second.
      const isSame = !anew && name.endsWith('.tsm') && isStampOf(last, size, mtimeS);
      yield { path: whole, stamp: isSame ? last : fileStamp(size, mtimeS, readMs), content };
    }
    const kept = files.filter(({ path }) => path !== undefined);
    const stamp = lookStamp({ serverMs: readMs, files: kept.length, size: sizes.get(id) ?? '' });
    yield { path: this.#manifestPath(id), stamp, content: [encodeShardManifest({ shard: id, files })] };
    this.summaries.set(id, { files: kept.length, bytes: kept.reduce((sum, { size }) => sum + size, 0) });
  }

  #manifestPath(id: number): string {
    return `${this.#below}${id}/${SHARD_MANIFEST}`;
  }
}

function doubled(id: number, name: string): AgentError {
  return new AgentError('storage', `shard ${id} has file ${name} twice`, { hint: 'see the log of influxd' });
}

/** The content of a file that is as it was. */
function unread(path: string): Iterable<Uint8Array> {
  return {
    [Symbol.iterator]: () => {
      throw new Error(`${path} is unchanged, and its content was asked for`);
    },
  };
}
