import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

/** Files of /proc and /sys under a root, so that another machine's can be read. What cannot be read is undefined: sensors come and go. */
export function readText(root: string, path: string): string | undefined {
  try {
    return readFileSync(join(root, path), 'utf8');
  } catch {
    return undefined;
  }
}

/** A file that holds one number; undefined for anything else in it. */
export function readNumber(root: string, path: string): number | undefined {
  const text = readText(root, path)?.trim();
  if (text === undefined || text === '') return undefined;
  const value = Number(text);
  return Number.isFinite(value) ? value : undefined;
}

/** Names in a directory, sorted; none when it is not there. */
export function namesIn(root: string, path: string): string[] {
  try {
    return readdirSync(join(root, path)).sort();
  } catch {
    return [];
  }
}
