import { readdirSync, readFileSync, readlinkSync, realpathSync } from 'node:fs';

/*
 * What the kernel tells in /dev, /proc and /sys: names come and go while they are read, and those of others cannot be read.
 * What is not there is undefined, or no name.
 */

/** The names in a directory, in order. */
export const namesIn = (directory: string): string[] => seen(() => readdirSync(directory).sort()) ?? [];

export const textAt = (path: string): string | undefined => seen(() => readFileSync(path, 'utf8').trim());

/** A file that holds one number; undefined for anything else in it. */
export function numberAt(path: string): number | undefined {
  const text = textAt(path);
  if (text === undefined || text === '') return undefined;
  const value = Number(text);
  return Number.isFinite(value) ? value : undefined;
}

/** Where a link leads, as it is written. */
export const linkAt = (path: string): string | undefined => seen(() => readlinkSync(path));

/** The path with all links followed. */
export const pathBehind = (path: string): string | undefined => seen(() => realpathSync(path));

function seen<T>(read: () => T): T | undefined {
  try {
    return read();
  } catch {
    return undefined;
  }
}
