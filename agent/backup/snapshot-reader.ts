import { createHash } from 'node:crypto';
import { AgentError } from '../system/errors.ts';
import { collectBuffers } from '../system/garbage.ts';
import { filesListed } from './groups.ts';
import { DamagedManifestError, openDetails, type SnapshotDetails, type SnapshotFile } from './manifest.ts';
import type { Repository, WholeManifest } from './repository.ts';

/** A file of a snapshot that cannot be had as it was; others may be whole. */
export class DamagedContent extends AgentError {}

/** What is in one snapshot. */
export class SnapshotReader {
  readonly manifest: WholeManifest;
  readonly details: Omit<SnapshotDetails, 'files'>;
  /** What of its lists of files cannot be had, one sentence each. */
  readonly lost: readonly string[];
  readonly #files: readonly SnapshotFile[];
  readonly #repository: Repository;

  private constructor(
    repository: Repository,
    manifest: WholeManifest,
    details: SnapshotDetails,
    files: readonly SnapshotFile[],
    lost: readonly string[],
  ) {
    this.#repository = repository;
    this.manifest = manifest;
    this.details = details;
    this.#files = files;
    this.lost = lost;
  }

  /**
   * @param skipDamaged what of its lists of files cannot be had is left out, and stands in `lost`
   * @throws AgentError when the manifest is damaged, or cannot be opened with the keys that the repository was opened with
   */
  static async open(repository: Repository, name: string, skipDamaged = false): Promise<SnapshotReader> {
    const manifest = await repository.manifest(name);
    const details = await openDetails(manifest, repository.envelope);
    const files: SnapshotFile[] = [];
    const lost: string[] = [];
    for (const group of manifest.groups) {
      try {
        for (const file of await repository.files(name, group)) files.push(file);
      } catch (error) {
        if (!skipDamaged || !(error instanceof DamagedManifestError)) throw error;
        lost.push(error.message);
      }
    }
    files.push(...filesListed(details.files, manifest.own));
    return new SnapshotReader(repository, manifest, details, files, lost);
  }

  /** Files whose path begins so. */
  files(prefix = ''): SnapshotFile[] {
    return this.#files.filter(({ path }) => path.startsWith(prefix));
  }

  file(path: string): SnapshotFile | undefined {
    return this.#files.find((file) => file.path === path);
  }

  /** Names a file's content: the same in each snapshot that has it as it is. */
  contentKey(file: SnapshotFile): string {
    return [file.sha256, ...file.objects.map(({ name }) => name)].join();
  }

  /**
   * A file's content, in pieces of at most OBJECT_BYTES, each compared as it was stored, and all of it in the end: who has not
   * come to the end has not got the file.
   * @throws DamagedContent, which names the file, when something of it is gone or damaged
   */
  async *content(file: SnapshotFile): AsyncGenerator<Buffer> {
    const hash = createHash('sha256');
    let bytes = 0;
    for (const object of file.objects) {
      const piece = await this.#repository.open(object).catch((error: unknown) => {
        if (error instanceof AgentError) throw error;
        throw this.#damaged(file, 'damaged');
      });
      if (!piece) throw this.#damaged(file, 'gone or damaged');
      hash.update(piece);
      bytes += piece.length;
      collectBuffers(object.bytes + piece.length);
      yield piece;
    }
    if (bytes !== file.bytes || hash.digest('hex') !== file.sha256) throw this.#damaged(file, 'not what was backed up');
  }

  /** All of a small file. @throws as content() */
  async whole(file: SnapshotFile): Promise<Buffer> {
    const pieces: Buffer[] = [];
    for await (const piece of this.content(file)) pieces.push(piece);
    return Buffer.concat(pieces);
  }

  #damaged({ path }: SnapshotFile, what: string): DamagedContent {
    return new DamagedContent('storage', `${path} of backup ${this.manifest.sequence} is ${what}`, {
      hint: 'use another backup; energy-monitor backup verify --all tells which are whole',
    });
  }
}
