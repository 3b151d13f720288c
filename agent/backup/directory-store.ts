import { randomUUID } from 'node:crypto';
import { link, mkdir, open, readdir, readFile, rename, rm, stat } from 'node:fs/promises';
import { dirname, join, relative } from 'node:path';
import { AgentError, errnoOf, messageOf } from '../system/errors.ts';
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

  private constructor(root: string) {
    this.label = root;
    this.#root = root;
  }

  /** For looking: nothing is written by that. */
  static at(root: string): DirectoryStore {
    return new DirectoryStore(root);
  }

  /** For writing. @param root made when it is not there @throws AgentError `permission` or `storage` */
  static async open(root: string): Promise<DirectoryStore> {
    const store = new DirectoryStore(root);
    await store.#guarded(async () => {
      await mkdir(join(root, TEMPORARY), { recursive: true, mode: 0o700 });
      for (const name of await readdir(join(root, TEMPORARY))) {
        const path = join(root, TEMPORARY, name);
        if (Date.now() - (await stat(path)).mtimeMs > OLD_MS) await rm(path, { force: true });
      }
    });
    return store;
  }

  put(name: string, data: Uint8Array): Promise<boolean> {
    return this.#guarded(async () => {
      const path = join(this.#root, name);
      const temporary = join(this.#root, TEMPORARY, randomUUID());
      try {
        const file = await open(temporary, 'wx', 0o600);
        try {
          await file.writeFile(data);
          await file.sync();
        } finally {
          await file.close();
        }
        await makeDirectory(dirname(path), this.#root);
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

  async #guarded<T>(work: () => Promise<T>): Promise<T> {
    try {
      return await work();
    } catch (error) {
      throw storeError(this.#root, error);
    }
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

async function makeDirectory(path: string, root: string): Promise<void> {
  const first = await mkdir(path, { recursive: true, mode: 0o700 });
  if (first === undefined) return;
  for (let made = path; made.length >= root.length; made = dirname(made)) await syncDirectory(made);
}

async function syncDirectory(path: string): Promise<void> {
  const directory = await open(path, 'r');
  try {
    await directory.sync();
  } finally {
    await directory.close();
  }
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
