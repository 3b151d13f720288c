import { lchown, mkdir } from 'node:fs/promises';
import { dirname } from 'node:path';
import { errnoOf } from './errors.ts';
import { type Owner, unlessOwnersAreFixed } from './owner.ts';
import { syncDirectory } from './sync-directory.ts';

/**
 * Makes a directory and those above it, durably. Not with mkdir's `recursive`: where nothing can be made and the answer is
 * ENOENT, as below /proc, Node tries for ever.
 */
export async function makeDirectory(path: string, owner: Owner | undefined): Promise<void> {
  try {
    await makeOne(path, owner);
  } catch (error) {
    const parent = dirname(path);
    if (errnoOf(error) !== 'ENOENT' || parent === path) throw error;
    await makeDirectory(parent, owner);
    await makeOne(path, owner);
  }
}

async function makeOne(path: string, owner: Owner | undefined): Promise<void> {
  try {
    await mkdir(path, 0o700);
  } catch (error) {
    if (errnoOf(error) === 'EEXIST') return;
    throw error;
  }
  // Not chown: somebody who may write above it could have put a link in its place.
  if (owner) await lchown(path, owner.uid, owner.gid).catch(unlessOwnersAreFixed);
  await syncDirectory(dirname(path));
}
