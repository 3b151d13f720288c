import { createReadStream, createWriteStream } from 'node:fs';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { createGunzip, createGzip } from 'node:zlib';
import { BrokenAnswer } from '../../influxdb/snapshot/broken-answer.ts';
import { readTar } from '../../influxdb/snapshot/tar-reader.ts';
import { type TarInput, writeTar } from '../../influxdb/snapshot/tar-writer.ts';
import { AgentError, errnoOf, messageOf } from '../../system/errors.ts';

/** A file in the tar of a shard. */
export interface TarFile {
  /** `database/policy/shard/000000001-000000001.tsm`. */
  name: string;
  bytes: number;
  /** Seconds, as the tar has it. */
  mtimeS: number;
}

/**
 * The files of a tar.gz, one after the other; what is not read of one is skipped.
 * @throws AgentError, retryable, when it is not whole: influxd takes a transfer that broke off between two files for whole
 */
export async function* readTarGz(path: string): AsyncGenerator<TarFile & { content: AsyncIterable<Uint8Array> }> {
  const zipped = createReadStream(path);
  const tar = createGunzip();
  // A failure of either ends the other, and reaches the loop by the tar.
  const unzipping = pipeline(zipped, tar).catch(() => {});
  try {
    for await (const { type, name, size, mtimeS, content } of readTar(tar)) {
      if (type === 'file') yield { name, bytes: size, mtimeS, content: checked(content) };
    }
  } catch (error) {
    throw notWhole(error);
  } finally {
    zipped.destroy();
    await unzipping;
  }
}

async function* checked(content: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  try {
    yield* content;
  } catch (error) {
    throw notWhole(error);
  }
}

function notWhole(error: unknown): unknown {
  const isBroken = error instanceof BrokenAnswer || /^Z_/.test(errnoOf(error) ?? '');
  if (!isBroken) return error;
  return new AgentError('unavailable', `what influxd backup wrote of a shard is not whole: ${messageOf(error)}`, {
    retryable: true,
    hint: 'the server may have been stopped meanwhile; see its log, and run it again',
    cause: error,
  });
}

/** Writes files as such a tar.gz. @returns the length of the tar itself */
export async function writeTarGz(
  path: string,
  files: readonly TarFile[],
  read: (file: TarFile) => AsyncIterable<Uint8Array>,
): Promise<number> {
  let bytes = 0;
  const inputs = files.map((file): TarInput => {
    const { name, mtimeS } = file;
    return { header: { name, type: 'file', mode: 0o644, mtimeS, size: file.bytes }, content: () => read(file) };
  });
  const counted = async function* () {
    for await (const chunk of writeTar(inputs)) {
      bytes += chunk.length;
      yield chunk;
    }
  };
  await pipeline(Readable.from(counted()), createGzip(), createWriteStream(path, { mode: 0o600 }));
  return bytes;
}
