import { AgentError } from '../../system/errors.ts';
import type { BucketManifest } from '../snapshot/bucket-manifest.ts';
import type { ShardFile } from '../snapshot/shard-manifest.ts';

/** The InfluxDB 2 data of a backup, whatever they lie in. */
export interface InfluxBackup {
  /** For messages: `backup 12`. */
  readonly label: string;
  /** Of the server that was backed up, such as `2.9.1`; undefined where nobody noted it. */
  readonly version: string | undefined;
  readonly buckets: readonly BucketManifest[];
  /** One of the server's two databases; undefined where it was not backed up. */
  database(name: 'kv' | 'sql'): KeptDatabase | undefined;
  /**
   * Undefined where there is none: it had no points, or InfluxDB could not open it.
   * @throws DamagedPart when what is known of it cannot be read
   */
  shard(id: number): Promise<KeptShard | undefined>;
}

export interface KeptDatabase {
  bytes: number;
  /** Can be asked for again. @throws DamagedPart while it is read */
  content(): AsyncIterable<Uint8Array>;
}

export interface KeptShard {
  readonly files: readonly ShardFile[];
  /**
   * A tar of these of its files, in their order; can be asked for again.
   * @throws DamagedPart while it is read
   */
  tar(files: readonly ShardFile[]): AsyncIterable<Uint8Array>;
}

/** Something of the backup that is gone or damaged. */
export class DamagedPart extends AgentError {
  /** The file's path within its shard; undefined where it is all of the shard, or another file. */
  readonly path: string | undefined;

  constructor(message: string, options: { path?: string; cause?: unknown } = {}) {
    super('storage', message, {
      hint: 'use another backup, or restore the rest without it',
      cause: options.cause,
    });
    this.path = options.path;
  }
}
