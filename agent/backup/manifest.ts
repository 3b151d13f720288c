import { createHash } from 'node:crypto';
import { promisify } from 'node:util';
import { zstdCompress, zstdDecompress } from 'node:zlib';
import { AgentError, messageOf } from '../system/errors.ts';
import type { Envelope } from './envelope.ts';

type Triple = readonly [name: string, bytes: number, sha256: string];

const compress = promisify(zstdCompress);
const decompress = promisify(zstdDecompress);

export const SNAPSHOTS = 'snapshots/';
const FORMAT = 'energy-monitor snapshot';
const VERSION = 2;
/** The first form has no groups. */
const READABLE = [1, VERSION];

/** A manifest that is there and not as it was written. */
export class DamagedManifestError extends AgentError {}

/** An object that a snapshot needs: what whoever prunes or verifies has to know, without any key. */
export interface ObjectReference {
  name: string;
  /** As stored. */
  bytes: number;
  sha256: string;
}

/** A file of a snapshot, whose content is the contents of its objects, one after the other. */
export interface SnapshotFile {
  path: string;
  bytes: number;
  /** Of the content. */
  sha256: string;
  objects: ObjectReference[];
}

/** The same as it is kept. */
export interface ListedFile extends Omit<SnapshotFile, 'objects'> {
  /** Indexes among the objects of its group, or of the manifest. */
  objects: number[];
}

/** Files that have lists of their own (groups.ts). */
export interface Group {
  /** Object in the clear: the objects that its files need. */
  list: ObjectReference;
  /** Sealed object: JSON of ListedFile[]. */
  files: ObjectReference;
}

/** What only the owner of the recovery key can read. */
export interface SnapshotDetails {
  host: string;
  agentVersion: string;
  /** Those that are in no group. */
  files: ListedFile[];
  /** Readings of the journal in it, by measurement. */
  counts: Readonly<Record<string, number>>;
  /** What was to be in it and is not, because it could not be read; absent when all is there. */
  missing?: readonly MissingSource[];
}

export interface MissingSource {
  source: string;
  /** For a person. */
  reason: string;
}

export interface Manifest {
  /** Counts the snapshots of a repository; the newest has the highest, whatever clocks say. */
  sequence: number;
  /** Id of the repository. */
  repository: string;
  /** Whose state directory was backed up: a random id; undefined in the oldest. */
  origin: string | undefined;
  /** UTC ms by the clock of the machine that made it. */
  createdMs: number;
  /** False when a source could not be read. */
  complete: boolean;
  groups: Group[];
  /** Those of the files that are in no group. */
  own: ObjectReference[];
  /** Sealed SnapshotDetails. */
  details: Uint8Array;
}

/** References as lists and manifests hold them. */
export function toTriples(objects: readonly ObjectReference[]): Triple[] {
  return objects.map(({ name, bytes, sha256: digest }) => [name, bytes, digest]);
}

export function fromTriples(triples: readonly Triple[]): ObjectReference[] {
  return triples.map(([name, bytes, digest]) => ({ name, bytes, sha256: digest }));
}

export function sha256(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex');
}

/**
 * A manifest as it is stored: JSON, zstd. Its name holds the sequence and the SHA-256 of its bytes, so that no bit of it can
 * change unseen.
 */
export async function encodeManifest(manifest: Manifest): Promise<{ name: string; data: Uint8Array }> {
  const { sequence, repository, origin, createdMs, complete, groups, own, details } = manifest;
  const json = JSON.stringify({
    format: FORMAT,
    version: VERSION,
    sequence,
    repository,
    origin,
    created: new Date(createdMs).toISOString(),
    ...(complete ? {} : { complete }),
    groups: groups.map(({ list, files }) => toTriples([list, files])),
    objects: toTriples(own),
    details: Buffer.from(details).toString('base64'),
  });
  const data = await compress(Buffer.from(json));
  return { name: `${SNAPSHOTS}${String(sequence).padStart(10, '0')}-${sha256(data)}`, data };
}

/** @returns undefined for a name that is no manifest's */
export function sequenceOf(name: string): number | undefined {
  const digits = /^snapshots\/(\d{10})-[0-9a-f]{64}$/.exec(name)?.[1];
  return digits === undefined ? undefined : Number(digits);
}

/** @throws AgentError `storage` when a bit of it is another than it was, or for a newer version's */
export async function decodeManifest(name: string, data: Uint8Array): Promise<Manifest> {
  if (!name.endsWith(`-${sha256(data)}`)) throw damaged(name, 'its bytes are not those that were written');
  const record = await parse(name, data);
  if (record.format !== FORMAT) throw damaged(name, 'it is no snapshot of energy-monitor');
  if (!READABLE.includes(Number(record.version))) {
    throw new AgentError(
      'storage',
      `backup ${name} has format version ${String(record.version)}, this energy-monitor knows ${VERSION}`,
      {
        hint: 'upgrade energy-monitor',
      },
    );
  }
  const groups = (record.groups ?? []) as [Triple, Triple][];
  return {
    sequence: Number(record.sequence),
    repository: String(record.repository),
    origin: record.origin === undefined ? undefined : String(record.origin),
    createdMs: Date.parse(String(record.created)),
    complete: record.complete !== false,
    groups: groups.map((pair) => {
      const [list, files] = fromTriples(pair);
      if (!list || !files) throw damaged(name, 'a group of it is none');
      return { list, files };
    }),
    own: fromTriples(record.objects as Triple[]),
    details: Buffer.from(String(record.details), 'base64'),
  };
}

async function parse(name: string, data: Uint8Array): Promise<Record<string, unknown>> {
  try {
    return JSON.parse((await decompress(data)).toString()) as Record<string, unknown>;
  } catch (error) {
    throw damaged(name, messageOf(error));
  }
}

export async function sealDetails(details: SnapshotDetails, envelope: Envelope): Promise<Uint8Array> {
  return envelope.seal(Buffer.from(JSON.stringify(details)));
}

export async function openDetails(manifest: Manifest, envelope: Envelope): Promise<SnapshotDetails> {
  try {
    return JSON.parse((await envelope.open(manifest.details)).toString()) as SnapshotDetails;
  } catch (error) {
    if (error instanceof AgentError) throw error;
    throw damaged(`${manifest.sequence}`, messageOf(error));
  }
}

export function damaged(name: string, reason: string): DamagedManifestError {
  return new DamagedManifestError('storage', `backup ${name} is damaged: ${reason}`, {
    hint: 'use another snapshot; energy-monitor backup verify --all tells which are whole',
  });
}
