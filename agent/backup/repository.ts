import { createHash, createHmac, randomBytes, randomUUID } from 'node:crypto';
import { AgentError } from '../system/errors.ts';
import type { Envelope } from './envelope.ts';
import { FORMAT_TEXT } from './format-text.ts';
import {
  decodeManifest,
  encodeManifest,
  type Manifest,
  type ObjectReference,
  SNAPSHOTS,
  type SnapshotDetails,
  type SnapshotFile,
  sealDetails,
  sequenceOf,
  sha256,
} from './manifest.ts';
import type { Store } from './store.ts';

export const OBJECTS = 'objects/';
const CONFIG = 'repository.json';
const NAME_KEY = 'name-key';
const README = 'README.txt';

/** Larger files are cut: so much is in memory at once, and is sent again after a break. */
export const OBJECT_BYTES = 8 * 1024 * 1024;

const FORMAT = 'energy-monitor repository';
const VERSION = 1;

export interface RepositoryConfig {
  id: string;
  /** age recipients; none for a repository that is not encrypted, by explicit choice. */
  recipients: string[];
}

/** A file on its way into a snapshot. */
export interface BackupFile {
  path: string;
  /** In pieces of any size. */
  content: AsyncIterable<Uint8Array> | Iterable<Uint8Array>;
}

/** A file whose content is in objects. */
export interface AddedFile {
  path: string;
  bytes: number;
  sha256: string;
  objects: ObjectReference[];
}

/** Content-addressed objects, and manifests that need them, in a store. */
export class Repository {
  readonly config: RepositoryConfig;
  readonly store: Store;
  readonly envelope: Envelope;
  /** Names objects: who reads the store cannot tell whether a content that he knows is in it. */
  readonly #nameKey: Buffer;
  /** What this run has written. */
  readonly sent: ObjectReference[] = [];
  /** Objects that a manifest needs, by name: they are there. */
  readonly #known = new Map<string, ObjectReference>();

  private constructor(store: Store, config: RepositoryConfig, envelope: Envelope, nameKey: Buffer) {
    this.store = store;
    this.config = config;
    this.envelope = envelope;
    this.#nameKey = nameKey;
  }

  /** What a store says of itself. @returns undefined for an empty one @throws AgentError for another or newer format */
  static async look(store: Store): Promise<RepositoryConfig | undefined> {
    const data = await store.get(CONFIG);
    if (data === undefined) return undefined;
    const record = JSON.parse(data.toString()) as Record<string, unknown>;
    if (record.format !== FORMAT || record.version !== VERSION) {
      throw new AgentError('storage', `${store.label} is no backup repository that this energy-monitor knows`, {
        hint: 'name another place, or upgrade energy-monitor',
      });
    }
    return { id: String(record.id), recipients: (record.recipients as string[]) ?? [] };
  }

  /** Makes an empty store a repository. A run that was broken off is completed by the next. */
  static async create(store: Store, recipients: string[]): Promise<RepositoryConfig> {
    await store.put(README, Buffer.from(FORMAT_TEXT));
    const config = { id: randomUUID(), recipients };
    await store.put(
      CONFIG,
      Buffer.from(`${JSON.stringify({ format: FORMAT, version: VERSION, ...config }, undefined, 2)}\n`),
    );
    return (await Repository.look(store)) ?? config;
  }

  /**
   * @param rememberedNameKey of an earlier run on this machine; without it, and without an identity that opens the
   *   repository's own, unchanged files travel once more
   */
  static async open(
    store: Store,
    config: RepositoryConfig,
    envelope: Envelope,
    rememberedNameKey: Buffer | undefined,
  ): Promise<Repository> {
    return new Repository(store, config, envelope, rememberedNameKey ?? (await nameKey(store, envelope)));
  }

  /** To be remembered on this machine. */
  get nameKey(): Buffer {
    return this.#nameKey;
  }

  /** The snapshots' names, the oldest first. */
  async names(): Promise<string[]> {
    const names: string[] = [];
    for await (const { name } of this.store.list(SNAPSHOTS)) if (sequenceOf(name) !== undefined) names.push(name);
    return names.sort();
  }

  /** @throws AgentError `storage` when it is gone or damaged */
  async manifest(name: string): Promise<Manifest> {
    const data = await this.store.get(name);
    if (data === undefined) throw new AgentError('storage', `backup ${name} is gone from ${this.store.label}`);
    return decodeManifest(name, data);
  }

  /** What these manifests need is there, and need not travel again. */
  know(manifest: Manifest): void {
    for (const object of manifest.objects) this.#known.set(object.name, object);
  }

  knows({ name, sha256: digest }: ObjectReference): boolean {
    return this.#known.get(name)?.sha256 === digest;
  }

  /** Stores a file's content, object by object; what is there already does not travel. */
  async add({ path, content }: BackupFile): Promise<AddedFile> {
    const hash = createHash('sha256');
    const objects: ObjectReference[] = [];
    let bytes = 0;
    for await (const piece of inPieces(content)) {
      hash.update(piece);
      bytes += piece.length;
      objects.push(await this.#addObject(piece));
    }
    return { path, bytes, sha256: hash.digest('hex'), objects };
  }

  async #addObject(content: Uint8Array): Promise<ObjectReference> {
    const digest = createHash('sha256').update(content).digest();
    const id = createHmac('sha256', this.#nameKey).update(digest).digest('hex');
    const name = `${OBJECTS}${id.slice(0, 2)}/${id}`;
    const known = this.#known.get(name);
    if (known) return known;
    const sealed = await this.envelope.seal(content);
    let stored: Uint8Array = sealed;
    if (!(await this.store.put(name, sealed))) {
      // Of a run that was broken off before its manifest. Another sealing of the same content: its bytes count.
      stored = (await this.store.get(name)) ?? sealed;
    }
    const reference = { name, bytes: stored.length, sha256: sha256(stored) };
    this.#known.set(name, reference);
    this.sent.push(reference);
    return reference;
  }

  /** Writes the manifest: with it the snapshot exists. */
  async commit(
    sequence: number,
    createdMs: number,
    files: readonly AddedFile[],
    details: Omit<SnapshotDetails, 'files'>,
  ): Promise<{ name: string; manifest: Manifest }> {
    const objects: ObjectReference[] = [];
    const indexes = new Map<string, number>();
    const indexOf = (object: ObjectReference) => {
      let index = indexes.get(object.name);
      if (index === undefined) {
        index = objects.push(object) - 1;
        indexes.set(object.name, index);
      }
      return index;
    };
    const snapshotFiles: SnapshotFile[] = files.map(({ path, bytes, sha256: digest, objects: its }) => ({
      path,
      bytes,
      sha256: digest,
      objects: its.map(indexOf),
    }));
    const sealed = await sealDetails({ ...details, files: snapshotFiles }, this.envelope);
    const manifest = { sequence, repository: this.config.id, createdMs, objects, details: sealed };
    const { name, data } = await encodeManifest(manifest);
    await this.store.put(name, data);
    return { name, manifest };
  }
}

/** The store's, made by the first machine; only an identity opens that of an encrypted one. */
async function nameKey(store: Store, envelope: Envelope): Promise<Buffer> {
  const fresh = randomBytes(32);
  if (await store.put(NAME_KEY, await envelope.seal(fresh))) return fresh;
  const sealed = envelope.opens ? await store.get(NAME_KEY) : undefined;
  return sealed ? envelope.open(sealed) : fresh;
}

async function* inPieces(content: AsyncIterable<Uint8Array> | Iterable<Uint8Array>): AsyncIterable<Uint8Array> {
  let waiting: Uint8Array[] = [];
  let bytes = 0;
  for await (const chunk of content) {
    let rest = chunk;
    while (bytes + rest.length >= OBJECT_BYTES) {
      const taken = OBJECT_BYTES - bytes;
      yield Buffer.concat([...waiting, rest.subarray(0, taken)]);
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
