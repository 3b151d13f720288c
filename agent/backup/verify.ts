import { isDeepStrictEqual } from 'node:util';
import { countSegment } from '../journal/segment-reader.ts';
import { messageOf } from '../system/errors.ts';
import { collectBuffers } from '../system/garbage.ts';
import { type ObjectReference, type SnapshotFile, sequenceOf, sha256 } from './manifest.ts';
import { OBJECTS, type Repository } from './repository.ts';
import { SnapshotReader } from './snapshot-reader.ts';

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
  // One manifest at a time: those of years would not fit into the memory of a Pi.
  const readable: string[] = [];
  for (const name of names) {
    try {
      const { objects } = await repository.manifest(name);
      for (const object of objects) needed.set(`${object.name} ${object.sha256}`, object);
      readable.push(name);
    } catch (error) {
      result.problems.push(messageOf(error));
    }
  }
  result.snapshots = readable.length;
  result.objects = needed.size;
  await verifyObjects(repository, [...needed.values()], options, result);
  if (options.files) await verifyFiles(repository, readable, result);
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
async function verifyFiles(repository: Repository, names: readonly string[], result: VerifyResult): Promise<void> {
  const done = new Map<string, FileVerdict>();
  for (const name of names) {
    const sequence = sequenceOf(name);
    const counts: Record<string, number> = {};
    const before = result.problems.length;
    try {
      const snapshot = await SnapshotReader.open(repository, name);
      for (const file of snapshot.files()) {
        const key = sha256(Buffer.from(snapshot.contentKey(file)));
        const verdict = done.get(key) ?? (await openFile(snapshot, file));
        if (!done.has(key) && verdict.problem === undefined) result.files++;
        done.set(key, verdict);
        for (const [measurement, n] of Object.entries(verdict.counts))
          counts[measurement] = (counts[measurement] ?? 0) + n;
        if (verdict.problem !== undefined) result.problems.push(verdict.problem);
      }
      if (result.problems.length === before && !isDeepStrictEqual(counts, { ...snapshot.details.counts }))
        result.problems.push(`backup ${sequence} has other readings than were counted when it was made`);
    } catch (error) {
      result.problems.push(`backup ${sequence} cannot be opened: ${messageOf(error)}`);
    }
  }
}

interface FileVerdict {
  problem: string | undefined;
  /** Of a file of the journal. */
  counts: Record<string, number>;
}

/** Puts a file together, compares it, and counts what is in it where it is of the journal. */
async function openFile(snapshot: SnapshotReader, file: SnapshotFile): Promise<FileVerdict> {
  const pieces: Buffer[] = [];
  const isSegment = /^journal\/\d{4}-/.test(file.path);
  try {
    for await (const piece of snapshot.content(file)) if (isSegment) pieces.push(piece);
    return { problem: undefined, counts: isSegment ? countSegment(Buffer.concat(pieces)) : {} };
  } catch (error) {
    return { problem: messageOf(error), counts: {} };
  }
}
