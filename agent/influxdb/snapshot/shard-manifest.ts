import { AgentError } from '../../system/errors.ts';
import type { TarHeader } from './tar-reader.ts';
import { type TarInput, writeTar } from './tar-writer.ts';

/** A file of a shard, with what its tar says of it. */
export interface ShardFile extends TarHeader {
  /** Where its content is, below the shard's own files; undefined for a directory. */
  path?: string;
}

/** What a shard's tar is made of: with the contents, all that is needed to write it again. */
export interface ShardManifest {
  shard: number;
  files: ShardFile[];
}

/** A name of a tar as a path below a directory: whatever the tar says, it does not lead out of there. */
export function safePath(name: string): string {
  return name
    .split('/')
    .map((part) => (/^\.*$/.test(part) ? `%${Buffer.from(part).toString('hex')}` : encodeURIComponent(part)))
    .join('/');
}

/** The manifest as it is kept. The same files give the same bytes. */
export function encodeShardManifest({ shard, files }: ShardManifest): Buffer {
  const listed = files.map(({ name, type, mode, mtimeS, size, path }) => ({ name, type, mode, mtimeS, size, path }));
  return Buffer.from(`${JSON.stringify({ shard, files: listed })}\n`);
}

/** @throws AgentError when it is none */
export function decodeShardManifest(data: Uint8Array): ShardManifest {
  try {
    const value = JSON.parse(Buffer.from(data).toString('utf8')) as ShardManifest;
    if (Number.isSafeInteger(value.shard) && value.files.every(isShardFile)) return value;
  } catch {
    // It is said below.
  }
  throw new AgentError('storage', 'the list of the files of a shard is damaged');
}

function isShardFile({ name, type, mode, mtimeS, size }: ShardFile): boolean {
  const numbers = [mode, mtimeS, size].every(Number.isSafeInteger);
  return numbers && typeof name === 'string' && ['file', 'directory'].includes(type);
}

/**
 * The tar of a shard, for `POST /api/v2/restore/shards/{id}` and for the directory that `influx restore` takes.
 * @param contentOf the content of a file by its path
 * @throws AgentError where a content is not as long as it was
 */
export function shardTar(
  { files }: ShardManifest,
  contentOf: (path: string) => AsyncIterable<Uint8Array> | Iterable<Uint8Array>,
): AsyncGenerator<Uint8Array> {
  return writeTar(
    files.map(
      ({ path, ...header }): TarInput => ({ header, content: () => (path === undefined ? [] : contentOf(path)) }),
    ),
  );
}
