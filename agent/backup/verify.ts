import { messageOf } from '../system/errors.ts';
import { type ObjectReference, openDetails, sha256 } from './manifest.ts';
import { OBJECTS, type Repository } from './repository.ts';

export interface VerifyOptions {
  /** How much of the objects is read back, 0 to 1, chosen by `random`. */
  share: number;
  random?: () => number;
  /** Of which objects; by default of all. */
  choose?: (object: ObjectReference) => boolean;
  onProgress?: (done: number, of: number) => void;
}

export interface VerifyResult {
  snapshots: number;
  objects: number;
  /** Read back and compared, to the last bit. */
  read: number;
  /** Opened with the recovery key, too, and compared with what was backed up. */
  opened: number;
  /** One sentence each. */
  problems: string[];
}

/**
 * Checks snapshots: their manifests, that each object is there in its length, and a share of them bit by bit. With an
 * identity each file of theirs whose objects were all read is opened and compared with its own checksum.
 */
export async function verify(
  repository: Repository,
  names: readonly string[],
  options: VerifyOptions,
): Promise<VerifyResult> {
  const { share, random = Math.random, choose = () => true, onProgress } = options;
  const { store, envelope } = repository;
  const problems: string[] = [];
  const needed = new Map<string, ObjectReference>();
  let snapshots = 0;
  for (const name of names) {
    try {
      const manifest = await repository.manifest(name);
      for (const object of manifest.objects) needed.set(object.name, object);
      if (envelope.opens) await openDetails(manifest, envelope);
      snapshots++;
    } catch (error) {
      problems.push(messageOf(error));
    }
  }
  const there = new Map<string, number>();
  for await (const { name, bytes } of store.list(OBJECTS)) there.set(name, bytes);
  const result: VerifyResult = { snapshots, objects: needed.size, read: 0, opened: 0, problems };
  let done = 0;
  for (const object of needed.values()) {
    const { name, bytes, sha256: digest } = object;
    onProgress?.(done++, needed.size);
    const found = there.get(name);
    if (found !== bytes) {
      problems.push(found === undefined ? `${name} is gone` : `${name} has ${found} bytes instead of ${bytes}`);
      continue;
    }
    if (!choose(object) || (share < 1 && random() >= share)) continue;
    const data = await store.get(name);
    if (data === undefined || sha256(data) !== digest) {
      problems.push(`${name} is damaged: its bytes are not those that were written`);
      continue;
    }
    result.read++;
    if (!envelope.opens) continue;
    try {
      await envelope.open(data);
      result.opened++;
    } catch (error) {
      problems.push(`${name} cannot be opened: ${messageOf(error)}`);
    }
  }
  onProgress?.(needed.size, needed.size);
  return result;
}
