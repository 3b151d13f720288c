import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { directoryOf, type Influxdb1Index } from './influxdb1.ts';
import { type TarFile, writeTarGz } from './influxdb1-tar.ts';

/** influxd wants names by time, and takes the newest: there is but one. */
const BASE = '20000101T000000Z';

export interface RebuiltInfluxdb1 {
  /** What is in them, as the server will count it: those with files alone. */
  shards: { policy: string; files: number; bytes: number }[];
  /** What was left out. */
  damaged: unknown[];
}

/**
 * Puts the files of a database together as `influxd restore -portable DIRECTORY` takes them.
 * @param name of the source
 * @param read the content of a file of the snapshot, by its path
 * @param directory is made; readable for its owner alone: the metadata have the users' password hashes
 * @param isDamage whether to go on without a TSM file whose content throws that
 */
export async function rebuildInfluxdb1(
  name: string,
  database: string,
  read: (path: string) => AsyncIterable<Uint8Array>,
  directory: string,
  isDamage: (error: unknown) => boolean = () => false,
): Promise<RebuiltInfluxdb1> {
  mkdirSync(directory, { recursive: true, mode: 0o700 });
  const path = directoryOf(name, database);
  const { shards } = JSON.parse((await whole(read(`${path}/backup.json`))).toString()) as Influxdb1Index;
  const meta = await whole(read(`${path}/meta`));
  const metaName = `${BASE}.meta`;
  writeFileSync(join(directory, metaName), meta, { mode: 0o600 });
  const files = [];
  const rebuilt: RebuiltInfluxdb1 = { shards: [], damaged: [] };
  for (const { policy, id, files: listed } of shards) {
    const fileName = `${BASE}.s${id}.tar.gz`;
    const prefix = `${database}/${policy}/${id}/`;
    const contentOf = (file: TarFile) => read(`${path}/shards/${id}/${file.name.slice(prefix.length)}`);
    const tar = await writeReadable(join(directory, fileName), listed, contentOf, isDamage);
    rebuilt.damaged.push(...tar.damaged);
    if (listed.length > 0 && tar.files.length === 0) continue;
    files.push({ database, policy, shardID: id, fileName, size: tar.size, lastModified: 0 });
    const bytes = tar.files.reduce((sum, file) => sum + file.bytes, 0);
    if (bytes > 0) rebuilt.shards.push({ policy, files: tar.files.length, bytes });
  }
  const manifest = { meta: { fileName: metaName, size: meta.length }, limited: false, files };
  writeFileSync(join(directory, `${BASE}.manifest`), JSON.stringify(manifest), { mode: 0o600 });
  return rebuilt;
}

/** Writes a tar.gz of the files that can be read; one that cannot begins it anew. */
async function writeReadable(
  path: string,
  listed: readonly TarFile[],
  contentOf: (file: TarFile) => AsyncIterable<Uint8Array>,
  isDamage: (error: unknown) => boolean,
): Promise<{ files: readonly TarFile[]; size: number; damaged: unknown[] }> {
  const damaged: unknown[] = [];
  let files = listed;
  for (;;) {
    let last: TarFile | undefined;
    try {
      const size = await writeTarGz(path, files, (file) => {
        last = file;
        return contentOf(file);
      });
      return { files, size, damaged };
    } catch (error) {
      if (!last || !isDamage(error)) throw error;
      damaged.push(error);
      files = files.filter((file) => file !== last);
    }
  }
}

async function whole(content: AsyncIterable<Uint8Array>): Promise<Buffer> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of content) chunks.push(chunk);
  return Buffer.concat(chunks);
}
