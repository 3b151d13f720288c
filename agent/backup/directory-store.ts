import { randomUUID } from 'node:crypto';
import { link, open, readdir, readFile, rename, rm, stat } from 'node:fs/promises';
import { dirname, join, relative } from 'node:path';
import { AgentError, errnoOf, messageOf } from '../system/errors.ts';
import { makeDirectory } from '../system/make-directory.ts';
import { heirIn, type Owner, unlessOwnersAreFixed } from '../system/owner.ts';
import { syncDirectory } from '../system/sync-directory.ts';
import type { Store, StoredObject } from './store.ts';

/** Files that were being written; what a kill left is removed with the next run's own. */
const TEMPORARY = 'tmp';
const OLD_MS = 86_400_000;

/** A store in a directory: a disk on USB, a share, the card itself. */
export class DirectoryStore implements Store {
  readonly label: string;
  /** A disk may hold back what it says it has written. */
  readonly provesWrites = false;
  readonly #root: string;
  /** Who gets what is made; undefined: who makes it. */
  readonly #owner: Owner | undefined;

  private constructor(root: string, owner?: Owner) {
    this.label = root;
    this.#root = root;
    this.#owner = owner;
  }

  /** For looking: nothing is written by that. */
  static at(root: string): DirectoryStore {
    return new DirectoryStore(root);
  }

  /**
   * For writing.
   * @param root made when it is not there
   * @param owner who gets what is made; as root, whose the root is, or where it will be
   * @throws AgentError `permission` or `storage`
   */
  static async open(root: string, owner?: Owner): Promise<DirectoryStore> {
    return guarded(root, async () => {
      const store = new DirectoryStore(root, owner ?? heirOf(root));
      await store.#prepare();
      return store;
    });
  }

  async #prepare(): Promise<void> {
    const drafts = join(this.#root, TEMPORARY);
    await makeDirectory(drafts, this.#owner);
    for (const name of await readdir(drafts)) {
      const found = await stat(join(drafts, name)).catch(unlessGone);
      if (found && Date.now() - found.mtimeMs > OLD_MS) await rm(join(drafts, name), { force: true });
    }
  }

  put(name: string, data: Uint8Array): Promise<boolean> {
    return this.#guarded(async () => {
      const path = join(this.#root, name);
      const temporary = join(this.#root, TEMPORARY, randomUUID());
      try {
        const file = await open(temporary, 'wx', 0o600);
        try {
          if (this.#owner) await file.chown(this.#owner.uid, this.#owner.gid).catch(unlessOwnersAreFixed);
          await file.writeFile(data);
          await file.sync();
        } finally {
          await file.close();
        }
        await makeDirectory(dirname(path), this.#owner);
        const isNew = await moveInto(temporary, path);
        // Also of one that another run made: it may have been cut off before this.
        await syncDirectory(dirname(path));
        return isNew;
      } finally {
        await rm(temporary, { force: true });
      }
    });
  }

  get(name: string): Promise<Buffer | undefined> {
    return this.#guarded(async () => {
      try {
        return await readFile(join(this.#root, name));
      } catch (error) {
        if (errnoOf(error) === 'ENOENT') return undefined;
        throw error;
      }
    });
  }

  async *list(prefix: string): AsyncIterable<StoredObject> {
    const directory = prefix.slice(0, prefix.lastIndexOf('/') + 1);
    const found = await this.#guarded(() => filesBelow(join(this.#root, directory)));
    const names = found
      .map((path) => relative(this.#root, path).replaceAll('\\', '/'))
      .filter((name) => name.startsWith(prefix));
    for (const name of names.sort()) {
      const found = await this.#guarded(() => stat(join(this.#root, name)).catch(unlessGone));
      if (found) yield { name, bytes: found.size, modifiedMs: found.mtimeMs };
    }
  }

  remove(name: string): Promise<void> {
    return this.#guarded(() => rm(join(this.#root, name), { force: true }));
  }

  async canRemove(): Promise<boolean> {
    return true;
  }

  #guarded<T>(work: () => Promise<T>): Promise<T> {
    return guarded(this.#root, work);
  }
}

async function guarded<T>(root: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    throw storeError(root, error);
  }
}

/** Of the root, or of the nearest directory above it that is there. */
function heirOf(root: string): Owner | undefined {
  try {
    return heirIn(root);
  } catch (error) {
    if (errnoOf(error) !== 'ENOENT' || dirname(root) === root) throw error;
    return heirOf(dirname(root));
  }
}

/** Another run may remove what was just listed. */
function unlessGone(error: unknown): undefined {
  if (errnoOf(error) !== 'ENOENT') throw error;
}

/** A hard link never replaces what is there; file systems without links (exFAT) get a rename, after a look. */
async function moveInto(temporary: string, path: string): Promise<boolean> {
  try {
    await link(temporary, path);
    return true;
  } catch (error) {
    if (errnoOf(error) === 'EEXIST') return false;
    if (!/^(EPERM|ENOTSUP|ENOSYS|EOPNOTSUPP|EMLINK)$/.test(errnoOf(error) ?? '')) throw error;
  }
  const there = await stat(path).then(
    () => true,
    () => false,
  );
  if (!there) await rename(temporary, path);
  return !there;
}

async function filesBelow(directory: string): Promise<string[]> {
  try {
    const entries = await readdir(directory, { recursive: true, withFileTypes: true });
    return entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name));
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return [];
    throw error;
  }
}

const PROBLEMS: Readonly<Record<string, readonly ['permission' | 'storage', string, string]>> = {
  EACCES: ['permission', 'no permission', 'run as the user to whom it belongs, or name another directory'],
  EPERM: ['permission', 'no permission', 'run as the user to whom it belongs, or name another directory'],
  EROFS: ['permission', 'it is read-only', 'mount it for writing, or name another directory'],
  ENOSPC: ['storage', 'the disk is full', 'make room there, or keep fewer backups'],
  EDQUOT: ['storage', 'the quota is used up', 'make room there, or keep fewer backups'],
  ENOENT: ['storage', 'a part of its path is not there', 'is the disk mounted? Otherwise name another directory'],
  ENOTDIR: ['storage', 'a part of its path is no directory', 'name another directory'],
  EIO: [
    'storage',
    'the disk does not answer as it should',
    'look at its cable and health, and name another one meanwhile',
  ],
};

function storeError(root: string, error: unknown): AgentError {
  if (error instanceof AgentError) return error;
  const [code, reason, hint] = PROBLEMS[errnoOf(error) ?? ''] ?? ['storage', messageOf(error), undefined];
  return new AgentError(code, `backup directory ${root} cannot be used: ${reason}`, {
    ...(hint === undefined ? {} : { hint }),
    retryable: code === 'storage',
    cause: error,
  });
}
