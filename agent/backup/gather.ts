import { setTimeout as sleep } from 'node:timers/promises';
import { AgentError, messageOf } from '../system/errors.ts';
import type { Logger } from '../system/logging.ts';
import type { MissingSource, SnapshotFile } from './manifest.ts';
import type { RememberedFile } from './memory.ts';
import type { SnapshotWriter } from './snapshot-writer.ts';
import type { BackupSource, SourceFile } from './source.ts';

/** Pauses before a source that failed is asked again: a server restarts, a line comes back. */
const PAUSES_MS = [5000, 30_000, 60_000];

/** What the sources gave. */
export interface Gathered {
  added: SnapshotFile[];
  /** Readings by measurement. */
  counts: Record<string, number>;
  /** For the next run, by path; of a source that is missing, those of its last time. */
  files: Record<string, RememberedFile>;
  missing: MissingSource[];
}

export interface GatherOptions {
  writer: SnapshotWriter;
  sources: readonly BackupSource[];
  /** Files of the last snapshot. */
  remembered: Readonly<Record<string, RememberedFile>>;
  log: Logger;
  onFile?: ((path: string) => void) | undefined;
  pausesMs?: readonly number[] | undefined;
}

/**
 * Stores the files of all sources. One that cannot be read is left out, and said to be missing: the others are worth a
 * snapshot. The first, the journal, has to be there.
 * @throws AgentError of the store, or of the first source
 */
export async function gather(options: GatherOptions): Promise<Gathered> {
  const gathered: Gathered = { added: [], counts: {}, files: {}, missing: [] };
  for (const source of options.sources) {
    const own = Object.entries(options.remembered).filter(([path]) => path.startsWith(`${source.name}/`));
    try {
      await gatherPatiently(source, new Map(own), options, gathered);
    } catch (error) {
      if (options.writer.failure !== undefined) throw options.writer.failure;
      if (source === options.sources[0] || !(error instanceof AgentError)) throw error;
      gathered.missing.push({ source: source.name, reason: messageOf(error) });
      for (const [path, file] of own) gathered.files[path] = file;
    }
  }
  return gathered;
}

async function gatherPatiently(
  source: BackupSource,
  remembered: ReadonlyMap<string, RememberedFile>,
  { writer, log, onFile, pausesMs = PAUSES_MS }: GatherOptions,
  gathered: Gathered,
): Promise<void> {
  const isThere = ([, { objects }]: [string, RememberedFile]) => objects.every((object) => writer.knows(object));
  const before = new Map([...remembered].filter(isThere));
  for (const pauseMs of [...pausesMs, undefined]) {
    const added: (SnapshotFile & { file: SourceFile })[] = [];
    try {
      for await (const file of source.files(before)) {
        onFile?.(file.path);
        added.push({ ...(await addFile(writer, file, before)), file });
      }
      keep(added, gathered);
      return;
    } catch (error) {
      const canPass = error instanceof AgentError && error.retryable && writer.failure === undefined;
      if (!canPass || pauseMs === undefined) throw error;
      log.warn({ reason: error.message, source: source.name, pauseMs }, 'a source of the backup failed; asking again');
      await sleep(pauseMs);
    }
  }
}

type AddedWithCounts = SnapshotFile & { counts?: Record<string, number> };

async function addFile(
  writer: SnapshotWriter,
  file: SourceFile,
  before: ReadonlyMap<string, RememberedFile>,
): Promise<AddedWithCounts> {
  const known = before.get(file.path);
  if (known && file.stamp !== undefined && known.stamp === file.stamp) {
    const { bytes, sha256, objects, counts } = known;
    return { path: file.path, bytes, sha256, objects, ...(counts && { counts }) };
  }
  const added = await writer.add(file);
  return file.counts ? { ...added, counts: file.counts() } : added;
}

function keep(
  added: readonly (AddedWithCounts & { file: SourceFile })[],
  { added: all, counts, files }: Gathered,
): void {
  for (const { file, ...one } of added) {
    const { path, ...content } = one;
    all.push(one);
    for (const [measurement, n] of Object.entries(one.counts ?? {}))
      counts[measurement] = (counts[measurement] ?? 0) + n;
    files[path] = file.stamp === undefined ? content : { ...content, stamp: file.stamp };
  }
}
