import { randomUUID } from 'node:crypto';
import { AgentError } from '../system/errors.ts';
import type { Envelope } from './envelope.ts';
import { FORMAT_TEXT } from './format-text.ts';
import { decodeManifest, type Manifest, SNAPSHOTS, sequenceOf } from './manifest.ts';
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

/** Objects by content, and manifests that need them, in a store. */
export class Repository {
  readonly config: RepositoryConfig;
  readonly store: Store;
  readonly envelope: Envelope;

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

  /** @throws AgentError `storage` when it is gone or damaged */
  async manifest(name: string): Promise<Manifest> {
    const data = await this.store.get(name);
    if (data === undefined) throw new AgentError('storage', `backup ${name} is gone from ${this.store.label}`);
    return decodeManifest(name, data);
  }
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
