import type { InfluxAddress } from '../../influxdb/client.ts';
import { type BucketManifest, shardsOf } from '../../influxdb/snapshot/bucket-manifest.ts';
import { influxdb2Version } from '../../influxdb/snapshot/health.ts';
import { type Metadata, readMetadata } from '../../influxdb/snapshot/metadata.ts';
import { PatientClient } from '../../influxdb/snapshot/patient-client.ts';
import { shardSizes } from '../../influxdb/snapshot/shard-sizes.ts';
import { messageOf } from '../../system/errors.ts';
import type { Logger } from '../../system/logging.ts';
import type { RememberedFile } from '../memory.ts';
import type { BackupSource, SourceFile } from '../source.ts';
import { ShardFiles, type ShardSummary } from './influxdb2-shards.ts';

export interface Influxdb2Options {
  /** The source's: `influxdb`. */
  name: string;
  /** With the operator token. */
  address: InfluxAddress;
  /**
   * Whether to keep users, tokens, dashboards and tasks as well. They hold credentials: not for a repository that is not
   * encrypted.
   */
  includeMetadata: boolean;
  /** So long a request without a byte is waited for. A slow answer is no failure as long as bytes come. */
  timeoutMs: number;
  /** So long each request is tried again while that can help. */
  patienceMs?: number;
  signal?: AbortSignal;
  log: Logger;
}

const PATIENCE_MS = 180_000;

/**
 * The data of an InfluxDB 2, over HTTP as `influx backup` reads them. Files, below the source's name:
 *
 * - `metadata/kv`, `metadata/sql`: its two databases, where they are wanted
 * - `buckets.json`: its buckets with their shards, as the server lists them
 * - `shards/ID/PATH`: the files of a shard below their names in its tar; `shards/ID/shard.json`: what the tar says of them
 * - `summary.json`: version and sizes, for people
 *
 * The shards of the system buckets `_tasks` and `_monitoring` are left out; the buckets themselves are listed. What the
 * server has in memory alone can be missing (see `openShard`): keep the journal for longer than the time between two
 * backups.
 */
export class Influxdb2Source implements BackupSource {
  readonly name: string;
  readonly #client: PatientClient;
  readonly #options: Influxdb2Options;

  constructor(options: Influxdb2Options) {
    this.name = options.name;
    this.#options = options;
    this.#client = new PatientClient({ patienceMs: PATIENCE_MS, ...options });
  }

  /**
   * @throws AgentError when anything cannot be read whole. A request that fails is tried again here until something of its
   *   answer was handed on; afterwards the error is `retryable`, and all files can be asked for again from the beginning
   */
  async *files(before: ReadonlyMap<string, RememberedFile>): AsyncGenerator<SourceFile> {
    const client = this.#client;
    const version = await influxdb2Version(client);
    const { buckets, serverMs } = yield* this.#metadata();
    yield this.#json('buckets.json', buckets);
    const sizes = await this.#sizes();
    const shards = new ShardFiles(client, `${this.name}/shards/`);
    const ids = buckets.flatMap(shardsOf).toSorted((a, b) => a - b);
    yield* shards.files({ ids, serverMs, sizes }, before);
    yield this.#json('summary.json', summaryOf(version, buckets, shards.summaries));
  }

  async *#metadata(): AsyncGenerator<SourceFile, Metadata> {
    const metadata = readMetadata(this.#client, this.#options.includeMetadata);
    try {
      for (;;) {
        const { done, value } = await metadata.next();
        if (done) return value;
        yield { path: `${this.name}/metadata/${value.name}`, content: value.content };
      }
    } finally {
      await metadata.return(undefined as never);
    }
  }

  /** An additional look that a proxy may not let through. */
  async #sizes(): Promise<Map<number, string>> {
    let sizes = new Map<number, string>();
    let reason = 'there are none';
    try {
      sizes = await shardSizes(this.#client);
    } catch (error) {
      this.#options.signal?.throwIfAborted();
      reason = messageOf(error);
    }
    if (sizes.size === 0) {
      this.#client.log.debug({ reason }, 'no sizes of shards: what is deleted leaves the backup when its turn comes');
    }
    return sizes;
  }

  #json(path: string, value: unknown): SourceFile {
    return { path: `${this.name}/${path}`, content: [Buffer.from(`${JSON.stringify(value)}\n`)] };
  }
}

function summaryOf(version: string, buckets: readonly BucketManifest[], shards: ReadonlyMap<number, ShardSummary>) {
  return {
    version,
    buckets: buckets.map((bucket) => {
      const listed = shardsOf(bucket);
      const there = listed.flatMap((id) => shards.get(id) ?? []);
      return {
        org: bucket.organizationName,
        bucket: bucket.bucketName,
        retentionS: (bucket.retentionPolicies[0]?.duration ?? 0) / 1e9,
        // More than there are: of time to come, without a point, or ones that InfluxDB could not open.
        listed: listed.length,
        shards: there.length,
        files: there.reduce((sum, { files }) => sum + files, 0),
        bytes: there.reduce((sum, { bytes }) => sum + bytes, 0),
      };
    }),
  };
}
