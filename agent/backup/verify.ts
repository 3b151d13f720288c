import { createHash } from 'node:crypto';
import { isDeepStrictEqual } from 'node:util';
import { countSegment } from '../journal/segment-reader.ts';
import { messageOf } from '../system/errors.ts';
import { collectBuffers } from '../system/garbage.ts';
import { type Manifest, type ObjectReference, openDetails, type SnapshotFile, sha256 } from './manifest.ts';
import { OBJECTS, type Repository } from './repository.ts';

export interface VerifyOptions {
  /** How likely an object is read back, 0 to 1. */
  shareOf: (object: ObjectReference) => number;
  random?: () => number;
  /** Open every file, compare it with what was backed up and count its readings; needs an identity, or a repository that is not encrypted. */
  files?: boolean;
}

export interface VerifyResult {
  snapshots: number;
  objects: number;
  /** Read back and compared, to the last bit. */
  read: number;
  /** Files that were put together and compared with what was backed up. */
  files: number;
  /** Names of objects that are there and not as they were written. */
  damaged: string[];
  /** One sentence each. */
  problems: string[];
}

/** Checks snapshots: their manifests, that each object is there in its length, and a share of them bit by bit. */
export async function verify(
  repository: Repository,
  names: readonly string[],
  options: VerifyOptions,
): Promise<VerifyResult> {
  const result: VerifyResult = { snapshots: 0, objects: 0, read: 0, files: 0, damaged: [], problems: [] };
  if (names.length === 0) result.problems.push('there is no backup');
  const needed = new Map<string, ObjectReference>();
  const manifests: Manifest[] = [];
  for (const name of names) {
    try {
      const manifest = await repository.manifest(name);
      for (const object of manifest.objects) needed.set(`${object.name} ${object.sha256}`, object);
      manifests.push(manifest);
    } catch (error) {
      result.problems.push(messageOf(error));
    }
  }
  result.snapshots = manifests.length;
  result.objects = needed.size;
  await verifyObjects(repository, [...needed.values()], options, result);
  if (options.files) await verifyFiles(repository, manifests, result);
  return result;
}

async function verifyObjects(
  { store }: Repository,
  needed: readonly ObjectReference[],
  { shareOf, random = Math.random }: VerifyOptions,
  result: VerifyResult,
): Promise<void> {
  const there = new Map<string, number>();
  for await (const { name, bytes } of store.list(OBJECTS)) there.set(name, bytes);
  for (const object of needed) {
    const { name, bytes, sha256: digest } = object;
    const found = there.get(name);
    if (found !== bytes) {
      result.damaged.push(name);
      result.problems.push(found === undefined ? `${name} is gone` : `${name} has ${found} bytes instead of ${bytes}`);
      continue;
    }
    if (random() >= shareOf(object)) continue;
    const data = await store.get(name);
    collectBuffers(bytes);
    if (data !== undefined && sha256(data) === digest) {
      result.read++;
      continue;
    }
    result.damaged.push(name);
    result.problems.push(`${name} is damaged: its bytes are not those that were written`);
  }
}

/** Each file once, however many snapshots have it. */
async function verifyFiles(
  repository: Repository,
  manifests: readonly Manifest[],
  result: VerifyResult,
): Promise<void> {
  const done = new Map<string, FileVerdict>();
  for (const manifest of manifests) {
    const counts: Record<string, number> = {};
    try {
      const details = await openDetails(manifest, repository.envelope);
      for (const file of details.files) {
        const objects = file.objects.map((index) => manifest.objects[index]?.name ?? '');
        const key = [file.sha256, ...objects].join();
        const verdict = done.get(key) ?? (await openFile(repository, file, objects));
        if (!done.has(key) && verdict.problem === undefined) result.files++;
        done.set(key, verdict);
        for (const [measurement, n] of Object.entries(verdict.counts))
          counts[measurement] = (counts[measurement] ?? 0) + n;
        if (verdict.problem !== undefined)
          result.problems.push(`${file.path} of backup ${manifest.sequence} ${verdict.problem}`);
      }
      if (!isDeepStrictEqual(counts, { ...details.counts }))
        result.problems.push(`backup ${manifest.sequence} has other readings than were counted when it was made`);
    } catch (error) {
      result.problems.push(`backup ${manifest.sequence} cannot be opened: ${messageOf(error)}`);
    }
  }
}

interface FileVerdict {
  problem: string | undefined;
  /** Of a file of the journal. */
  counts: Record<string, number>;
}

/** Puts a file together, compares it, and looks into it where its format is known. */
async function openFile(
  { store, envelope }: Repository,
  file: SnapshotFile,
  objects: readonly string[],
): Promise<FileVerdict> {
  const hash = createHash('sha256');
  const isSegment = /^journal\/\d{4}-/.test(file.path);
  const pieces: Buffer[] = [];
  let bytes = 0;
  for (const name of objects) {
    const content = await envelope.open((await store.get(name)) ?? Buffer.alloc(0));
    hash.update(content);
    collectBuffers(content.length);
    bytes += content.length;
    if (isSegment) pieces.push(content);
  }
  if (bytes !== file.bytes || hash.digest('hex') !== file.sha256)
    return { problem: 'is not what was backed up', counts: {} };
  return { problem: undefined, counts: isSegment ? countSegment(Buffer.concat(pieces)) : {} };
}
