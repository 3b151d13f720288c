import type { RememberedFile } from './memory.ts';

/** One content to keep. */
export interface SourceFile {
  /** Begins with the source's name and a slash. */
  path: string;
  /** Where it is that of the last snapshot, so is the content, which is then not asked for. Undefined: look. */
  stamp?: string | undefined;
  /** In pieces of any size. */
  content: AsyncIterable<Uint8Array> | Iterable<Uint8Array>;
  /** Readings of the journal in it, by measurement; undefined for all that is not the journal. */
  counts?: () => Record<string, number>;
}

/** Something that is backed up: the journal, the configuration, a server's data. */
export interface BackupSource {
  /** `journal`, `config`, `influxdb`: a snapshot has each once. */
  readonly name: string;
  /**
   * The files as they are now, one after the other: the content of one is taken, or left, before the next is asked for.
   * @param before its files in the last snapshot that are whole in the repository, by path; what is known to be unchanged
   *   may be yielded with the stamp it has there and a content that is never asked for
   * @throws AgentError when it cannot be read as a whole: the snapshot is then written without this source, and says so
   */
  files(before: ReadonlyMap<string, RememberedFile>): AsyncIterable<SourceFile> | Iterable<SourceFile>;
}
