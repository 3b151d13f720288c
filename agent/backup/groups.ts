import { promisify } from 'node:util';
import { zstdCompress, zstdDecompress } from 'node:zlib';
import {
  fromTriples,
  type ListedFile,
  type ObjectReference,
  type SnapshotFile,
  sha256,
  toTriples,
} from './manifest.ts';

const compress = promisify(zstdCompress);
const decompress = promisify(zstdDecompress);

/** Of 256: files in a group, on average, are as many times fewer. */
const BOUNDARIES = 8;

/**
 * Files in groups whose lists are kept as objects: a snapshot that changes little then has little to tell, however many files
 * there are. Where a group ends is said by a path alone, so that a file that comes or goes changes one group. What follows the
 * last end is the rest, which stands in the manifest itself.
 */
export function groupsOf<T extends { path: string }>(files: readonly T[]): { groups: T[][]; rest: T[] } {
  const groups: T[][] = [];
  let rest: T[] = [];
  for (const file of files) {
    rest.push(file);
    if (Number.parseInt(sha256(Buffer.from(file.path)).slice(0, 2), 16) >= BOUNDARIES) continue;
    groups.push(rest);
    rest = [];
  }
  return { groups, rest };
}

/** The objects that some files need, each once, and the files with their places among these. */
export function listFiles(files: readonly SnapshotFile[]): { objects: ObjectReference[]; listed: ListedFile[] } {
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
  const listed = files.map(({ path, bytes, sha256: digest, objects: parts }) => {
    return { path, bytes, sha256: digest, objects: parts.map(indexOf) };
  });
  return { objects, listed };
}

/** The reverse of listFiles(). */
export function filesListed(listed: readonly ListedFile[], objects: readonly ObjectReference[]): SnapshotFile[] {
  return listed.map((file) => ({ ...file, objects: file.objects.flatMap((index) => objects[index] ?? []) }));
}

/** zstd of JSON: in the clear, for whoever prunes or verifies without a key. */
export function encodeList(objects: readonly ObjectReference[]): Promise<Buffer> {
  return compress(Buffer.from(JSON.stringify(toTriples(objects))));
}

export async function decodeList(data: Uint8Array): Promise<ObjectReference[]> {
  return fromTriples(JSON.parse((await decompress(data)).toString()) as Parameters<typeof fromTriples>[0]);
}
