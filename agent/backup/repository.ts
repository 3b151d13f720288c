import { randomUUID } from 'node:crypto';
import { AgentError } from '../system/errors.ts';
import type { Envelope } from './envelope.ts';
import { FORMAT_TEXT } from './format-text.ts';
import { decodeList, filesListed } from './groups.ts';
import {
  damaged,
  decodeManifest,
  type Group,
  type ListedFile,
  type Manifest,
  type ObjectReference,
  SNAPSHOTS,
  type SnapshotFile,
  sequenceOf,
  sha256,
} from './manifest.ts';
import type { Store } from './store.ts';

export const OBJECTS = 'objects/';
const CONFIG = 'repository.json';
const README = 'README.txt';
const FORMAT = 'energy-monitor repository';
const VERSION = 1;

export interface RepositoryConfig {
  id: string;
  /** age recipients; none for a repository that is not encrypted, by explicit choice. */
  recipients: string[];
}

/** A manifest with all that its snapshot needs. */
export interface WholeManifest extends Manifest {
  objects: ObjectReference[];
}

/** Objects by content, and manifests that need them, in a store. */
export class Repository {
  readonly config: RepositoryConfig;
  readonly store: Store;
  readonly envelope: Envelope;
  readonly #lists = new Map<string, readonly ObjectReference[]>();
  readonly #files = new Map<string, readonly SnapshotFile[]>();

  constructor(store: Store, config: RepositoryConfig, envelope: Envelope) {
    this.store = store;
    this.config = config;
    this.envelope = envelope;
  }

  /** What a store says of itself. @returns undefined for an empty one @throws AgentError for another, newer or damaged one */
  static async look(store: Store): Promise<RepositoryConfig | undefined> {
    const data = await store.get(CONFIG);
    if (data === undefined) return undefined;
    const config = parseConfig(data.toString());
    if (config) return config;
    throw new AgentError('storage', `${store.label} is no backup repository that this energy-monitor knows`, {
      hint: `look at its ${CONFIG}; name another place, or upgrade energy-monitor`,
    });
  }

  /** Makes an empty store a repository. A run that was broken off is completed by the next. */
  static async create(store: Store, recipients: readonly string[]): Promise<RepositoryConfig> {
    await store.put(README, Buffer.from(FORMAT_TEXT));
    const config = { id: randomUUID(), recipients: [...recipients] };
    const record = { format: FORMAT, version: VERSION, ...config };
    await store.put(CONFIG, Buffer.from(`${JSON.stringify(record, undefined, 2)}\n`));
    return (await Repository.look(store)) ?? config;
  }

  /** Two machines that take turns in one repository would push out each other's backups. @throws AgentError `config` */
  refuseOther(newestOrigin: string | undefined, own: string): void {
    if (newestOrigin === undefined || newestOrigin === own) return;
    throw new AgentError('config', `the newest backup in ${this.store.label} is of another machine`, {
      hint: 'give each machine a place of its own; where this one replaces that: energy-monitor backup run --adopt',
    });
  }

  /** The snapshots' names, the oldest first. */
  async names(): Promise<string[]> {
    const names: string[] = [];
    for await (const { name } of this.store.list(SNAPSHOTS)) if (sequenceOf(name) !== undefined) names.push(name);
    return names.sort();
  }

  /** @throws AgentError `storage` when it is gone, DamagedManifestError when it, or a list that it needs, is damaged */
  async manifest(name: string): Promise<WholeManifest> {
    const data = await this.store.get(name);
    if (data === undefined) throw new AgentError('storage', `backup ${name} is gone from ${this.store.label}`);
    const manifest = await decodeManifest(name, data);
    const objects = [...manifest.own];
    for (const { list, files } of manifest.groups) {
      for (const object of await this.list(name, list)) objects.push(object);
      objects.push(list, files);
    }
    return { ...manifest, objects };
  }

  /** The objects of a group; most snapshots share most groups, so each is read once. */
  async list(manifest: string, object: ObjectReference): Promise<readonly ObjectReference[]> {
    let objects = this.#lists.get(object.sha256);
    if (!objects) {
      const data = await this.#listData(object);
      if (!data) throw damaged(manifest, `its list ${object.name} is gone or damaged`);
      objects = await decodeList(data);
      this.#lists.set(object.sha256, objects);
    }
    return objects;
  }

  /** The files of a group, read once as well. @throws DamagedManifestError, or what the envelope says without the key */
  async files(manifest: string, { list, files }: Group): Promise<readonly SnapshotFile[]> {
    let found = this.#files.get(files.sha256);
    if (!found) {
      const data = await this.open(files);
      if (!data) throw damaged(manifest, `its files ${files.name} are gone or damaged`);
      found = filesListed(JSON.parse(data.toString()) as ListedFile[], await this.list(manifest, list));
      this.#files.set(files.sha256, found);
    }
    return found;
  }

  /**
   * The content of a sealed object; where that is gone or damaged, of its copy. An object's name is that of its content, so
   * what was written again under a second name heals older snapshots too; age and zstd know whether it is whole.
   * @returns undefined when there is none
   */
  async open({ name, sha256: digest }: ObjectReference): Promise<Buffer | undefined> {
    const data = await this.store.get(name);
    if (data && sha256(data) === digest) return this.envelope.open(data);
    for await (const copy of this.store.list(`${name}-`)) {
      const other = await this.store.get(copy.name);
      const content = other && (await this.envelope.open(other).catch(unlessKey));
      if (content) return content;
    }
    return undefined;
  }

  async #listData({ name, sha256: digest }: ObjectReference): Promise<Buffer | undefined> {
    const data = await this.store.get(name);
    if (data && sha256(data) === digest) return data;
    for await (const copy of this.store.list(`${name}-`)) {
      const other = await this.store.get(copy.name);
      if (other && sha256(other) === digest) return other;
    }
    return undefined;
  }
}

/** A copy that is damaged as well is none; a key that is missing or wrong is something to say. */
function unlessKey(error: unknown): undefined {
  if (error instanceof AgentError) throw error;
}

/** Strict: what cannot be understood must not pass for a repository that is not encrypted. */
function parseConfig(text: string): RepositoryConfig | undefined {
  let record: Record<string, unknown>;
  try {
    record = JSON.parse(text) as Record<string, unknown>;
  } catch {
    return undefined;
  }
  const { format, version, id, recipients } = record;
  if (format !== FORMAT || version !== VERSION || typeof id !== 'string' || !Array.isArray(recipients))
    return undefined;
  if (!recipients.every((recipient) => typeof recipient === 'string')) return undefined;
  return { id, recipients };
}
