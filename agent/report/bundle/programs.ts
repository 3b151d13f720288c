import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';

const PATIENCE_MS = 20_000;
const LARGEST_BYTES = 16e6;

/**
 * What a program of the system prints.
 * @param path `usr/bin/journalctl`, below the root
 * @returns undefined where it is not there, or says nothing
 */
export function printed(root: string, path: string, args: readonly string[]): string | undefined {
  const program = join(root, path);
  if (!existsSync(program)) return undefined;
  const { stdout, stderr } = spawnSync(program, args, {
    encoding: 'utf8',
    timeout: PATIENCE_MS,
    maxBuffer: LARGEST_BYTES,
  });
  const text = `${stdout ?? ''}${stdout ? '' : (stderr ?? '')}`;
  return text.trim() === '' ? undefined : text;
}
