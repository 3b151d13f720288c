import { closeSync, fsyncSync, openSync } from 'node:fs';
import { open } from 'node:fs/promises';
import { errnoOf } from './errors.ts';

/** Makes durable which names are in a directory. Nothing happens where that cannot be asked for. */
export async function syncDirectory(path: string): Promise<void> {
  const directory = await open(path, 'r');
  try {
    await directory.sync().catch(unlessUnsupported);
  } finally {
    await directory.close();
  }
}

/** The same at once, for small files. */
export function syncDirectoryNow(path: string): void {
  const fd = openSync(path, 'r');
  try {
    fsyncSync(fd);
  } catch (error) {
    unlessUnsupported(error);
  } finally {
    closeSync(fd);
  }
}

/** Some network shares know it for files alone (fsync(2): EINVAL). */
function unlessUnsupported(error: unknown): void {
  if (!/^(EINVAL|ENOTSUP)$/.test(errnoOf(error) ?? '')) throw error;
}
