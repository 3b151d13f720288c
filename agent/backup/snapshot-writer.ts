import { createHash, createHmac, randomBytes } from 'node:crypto';
import { collectBuffers } from '../system/garbage.ts';
import { encodeList, groupsOf, listFiles } from './groups.ts';
import {
  encodeManifest,
  type Group,
  type Manifest,
  type ObjectReference,
  type SnapshotDetails,
  type SnapshotFile,
  sealDetails,
  sha256,
} from './manifest.ts';
import { OBJECTS, type Repository } from './repository.ts';
import type { SourceFile } from './source.ts';

const NAME_KEY = 'name-key';

/** Larger files are cut: so much is in memory at once, some times over, and is sent again after a break. */
export const OBJECT_BYTES = 1024 * 1024;

/** Writes one snapshot: objects first, the manifest last. */
export class SnapshotWriter {
  /** What was written. */
  readonly sent: ObjectReference[] = [];
  /** Why the store did not take something; undefined when it is what is read that fails. */
  failure: unknown;
  readonly #repository: Repository;
  /** Names objects: who reads the store cannot tell whether a content that he knows is in it. */
  readonly #nameKey: Buffer;
  /** Objects that are there for sure, by the name that their content has. */
  readonly #known = new Map<string, ObjectReference>();

  readonly #onSent: (sent: readonly ObjectReference[]) => void;

  /** @param onSent told what was written so far, after each object */
  constructor(repository: Repository, nameKey: Buffer, onSent: (sent: readonly ObjectReference[]) => void = () => {}) {
    this.#repository = repository;
    this.#nameKey = nameKey;
    this.#onSent = onSent;
  }

  /**
   * The key of names for a machine that remembers none: the repository's, made by the first machine. Where it cannot be
   * opened, as without the recovery key, a new one: then unchanged files travel once more.
   */
  static async nameKey(repository: Repository): Promise<Buffer> {
    const { store, envelope } = repository;
    const fresh = randomBytes(32);
    if (await store.put(NAME_KEY, await envelope.seal(fresh))) return fresh;
    return (await SnapshotWriter.nameKeyThere(repository)) ?? fresh;
  }

  /** The key of names of a repository; undefined where there is none, or it cannot be opened. */
  static async nameKeyThere({ store, envelope }: Repository): Promise<Buffer | undefined> {
    const sealed = envelope.opens ? await store.get(NAME_KEY) : undefined;
    try {
      return sealed && (await envelope.open(sealed));
    } catch {
      return undefined;
    }
  }

  /** This is there, and need not travel. */
  know(object: ObjectReference): void {
    const id = contentName(object.name);
    if (!this.#known.has(id)) this.#known.set(id, object);
  }

  knows({ name, sha256: digest }: ObjectReference): boolean {
    return this.#known.get(contentName(name))?.sha256 === digest;
  }

  /** Stores a file's content, object by object; what is there already does not travel. */
  async add({ path, content }: SourceFile): Promise<SnapshotFile> {
    const hash = createHash('sha256');
    const objects: ObjectReference[] = [];
    let bytes = 0;
    for await (const piece of inPieces(content)) {
      hash.update(piece);
      bytes += piece.length;
      objects.push(await this.#addObject(piece));
      collectBuffers(piece.length);
    }
    return { path, bytes, sha256: hash.digest('hex'), objects };
  }

  /** Writes the lists, then the manifest: with it the snapshot exists. */
  async commit(
    head: Pick<Manifest, 'sequence' | 'origin' | 'createdMs' | 'complete'>,
    files: readonly SnapshotFile[],
    details: Omit<SnapshotDetails, 'files'>,
  ): Promise<{ name: string; objects: ObjectReference[]; lists: ObjectReference[]; manifestBytes: number }> {
    const { config, envelope } = this.#repository;
    const { groups: grouped, rest } = groupsOf(files);
    const groups: Group[] = [];
    const objects: ObjectReference[] = [];
    for (const members of grouped) {
      const { objects: needed, listed } = listFiles(members);
      const list = await this.#addObject(await encodeList(needed), false);
      const sealedFiles = await this.#addObject(Buffer.from(JSON.stringify(listed)));
      groups.push({ list, files: sealedFiles });
      for (const object of needed) objects.push(object);
      objects.push(list, sealedFiles);
    }
    const { objects: own, listed } = listFiles(rest);
    for (const object of own) objects.push(object);
    const sealed = await sealDetails({ ...details, files: listed }, envelope);
    const { name, data } = await encodeManifest({ ...head, repository: config.id, groups, own, details: sealed });
    await this.#put(name, data);
    return { name, objects, lists: groups.map((group) => group.files), manifestBytes: data.length };
  }

  /** @param isSealed what is needed without a key is not */
  async #addObject(content: Uint8Array, isSealed = true): Promise<ObjectReference> {
    const { envelope } = this.#repository;
    const digest = createHash('sha256').update(content).digest();
    const id = createHmac('sha256', this.#nameKey).update(digest).digest('hex');
    const known = this.#known.get(id);
    if (known) return known;
    const sealed = isSealed ? await envelope.seal(content) : content;
    let name = `${OBJECTS}${id.slice(0, 2)}/${id}`;
    if (!(await this.#put(name, sealed))) {
      // Something of that name is there that nobody can vouch for: damaged, or of a run that was broken off.
      name = `${name}-${randomBytes(4).toString('hex')}`;
      await this.#put(name, sealed);
    }
    const reference = { name, bytes: sealed.length, sha256: sha256(sealed) };
    this.#known.set(id, reference);
    this.sent.push(reference);
    try {
      this.#onSent(this.sent);
    } catch (error) {
      this.failure = error;
      throw error;
    }
    return reference;
  }

  async #put(name: string, data: Uint8Array): Promise<boolean> {
    try {
      return await this.#repository.store.put(name, data);
    } catch (error) {
      this.failure = error;
      throw error;
    }
  }
}

/** The name that the content alone gives, without the addition of a second attempt. */
function contentName(name: string): string {
  return (name.split('/').at(-1) ?? '').slice(0, 64);
}

async function* inPieces(content: AsyncIterable<Uint8Array> | Iterable<Uint8Array>): AsyncIterable<Uint8Array> {
  let waiting: Uint8Array[] = [];
  let bytes = 0;
  for await (const chunk of content) {
    let rest = chunk;
    while (bytes + rest.length >= OBJECT_BYTES) {
      const taken = OBJECT_BYTES - bytes;
      yield waiting.length === 0 ? rest.subarray(0, taken) : Buffer.concat([...waiting, rest.subarray(0, taken)]);
      rest = rest.subarray(taken);
      waiting = [];
      bytes = 0;
    }
    if (rest.length > 0) {
      waiting.push(rest);
      bytes += rest.length;
    }
  }
  if (bytes > 0) yield Buffer.concat(waiting);
}
