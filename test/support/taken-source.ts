import type { RememberedFile } from '../../agent/backup/memory.ts';
import type { BackupSource } from '../../agent/backup/source.ts';

/** What a backup takes of a source. */
export interface Taken {
  /** All files by path; those that are as they were have the content of before. */
  files: Map<string, { content: Buffer; stamp: string | undefined }>;
  /** Paths whose content was read. */
  read: string[];
}

/** Takes the files of a source as a backup does: one after the other, the content of those whose stamp is new. */
export async function take(source: BackupSource, last?: Taken): Promise<Taken> {
  const taken: Taken = { files: new Map(), read: [] };
  for await (const { path, stamp, content } of source.files(remembered(last))) {
    if (taken.files.has(path)) throw new Error(`${path} comes twice`);
    const old = last?.files.get(path);
    if (old && stamp !== undefined && old.stamp === stamp) {
      taken.files.set(path, old);
      continue;
    }
    const chunks: Uint8Array[] = [];
    for await (const chunk of content) chunks.push(chunk);
    taken.read.push(path);
    taken.files.set(path, { content: Buffer.concat(chunks), stamp });
  }
  return taken;
}

function remembered(last: Taken | undefined): Map<string, RememberedFile> {
  const files = new Map<string, RememberedFile>();
  for (const [path, { content, stamp }] of last?.files ?? []) {
    if (stamp !== undefined) files.set(path, { stamp, bytes: content.length, sha256: '', objects: [] });
  }
  return files;
}
