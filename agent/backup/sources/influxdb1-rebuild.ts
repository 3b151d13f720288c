import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { directoryOf, type Influxdb1Index } from './influxdb1.ts';
import { type TarFile, writeTarGz } from './influxdb1-tar.ts';

/** influxd wants names by time, and takes the newest: there is but one. */
const BASE = '20000101T000000Z';

/**
 * Puts the files of a database together as `influxd restore -portable DIRECTORY` takes them.
 * @param name of the source
 * @param read the content of a file of the snapshot, by its path
 * @param directory is made; readable for its owner alone: the metadata have the users' password hashes
 */
export async function rebuildInfluxdb1(
  name: string,
  database: string,
  read: (path: string) => AsyncIterable<Uint8Array>,
  directory: string,
): Promise<void> {
  mkdirSync(directory, { recursive: true, mode: 0o700 });
  const path = directoryOf(name, database);
  const { shards } = JSON.parse((await whole(read(`${path}/backup.json`))).toString()) as Influxdb1Index;
  const meta = await whole(read(`${path}/meta`));
  const metaName = `${BASE}.meta`;
  writeFileSync(join(directory, metaName), meta, { mode: 0o600 });
  const files = [];
  for (const { policy, id, files: listed } of shards) {
    const fileName = `${BASE}.s${id}.tar.gz`;
    const prefix = `${database}/${policy}/${id}/`;
    const contentOf = (file: TarFile) => read(`${path}/shards/${id}/${file.name.slice(prefix.length)}`);
    const size = await writeTarGz(join(directory, fileName), listed, contentOf);
    files.push({ database, policy, shardID: id, fileName, size, lastModified: 0 });
  }
  const manifest = { meta: { fileName: metaName, size: meta.length }, limited: false, files };
  writeFileSync(join(directory, `${BASE}.manifest`), JSON.stringify(manifest), { mode: 0o600 });
}

async function whole(content: AsyncIterable<Uint8Array>): Promise<Buffer> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of content) chunks.push(chunk);
  return Buffer.concat(chunks);
}
