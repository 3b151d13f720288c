import type { RememberedFile } from '../memory.ts';

/** What is remembered of a shard from the last time when all of it was read. */
export interface ShardLook {
  /** The server's clock, milliseconds since 1970. */
  serverMs: number;
  /** Files there were. */
  files: number;
  /** What the server said of its files and bytes before; empty where it said nothing. */
  size: string;
}

export function lookStamp({ serverMs, files, size }: ShardLook): string {
  return [new Date(serverMs).toISOString(), files, size].join('|');
}

export function parseLookStamp(stamp: string): ShardLook | undefined {
  const [at = '', files = '', size = ''] = stamp.split('|');
  const look = { serverMs: Date.parse(at), files: Number.parseInt(files, 10), size };
  return Number.isFinite(look.serverMs) && Number.isFinite(look.files) ? look : undefined;
}

/** Size, time, and when its content was last looked at: the stamp changes with each of them. */
export function fileStamp(size: number, mtimeS: number, readMs: number): string {
  return [size, mtimeS, readMs].join(' ');
}

/** Whether a file has that size and time. */
export function isStampOf(stamp: string, size: number, mtimeS: number): boolean {
  return stamp.startsWith(`${size} ${mtimeS} `);
}

/** UTC seconds since 1970; 0 where there is none. */
export function mtimeOf(stamp: string): number {
  return Number(stamp.split(' ')[1]) || 0;
}

/** A file of a shard, all of which have a stamp. */
export type StampedFile = RememberedFile & { stamp: string };

/** A shard as the last snapshot has it. */
export interface RememberedShard {
  look: ShardLook;
  /** Its manifest among them. */
  files: ReadonlyMap<string, StampedFile>;
}

export const SHARD_MANIFEST = 'shard.json';

/**
 * The shards of which the last snapshot has each file.
 * @param below the path above the shards' own, with a slash at its end
 */
export function rememberedShards(
  before: ReadonlyMap<string, RememberedFile>,
  below: string,
): Map<number, RememberedShard> {
  const found = new Map<number, Map<string, StampedFile>>();
  for (const [path, file] of before) {
    const id = path.startsWith(below) ? Number.parseInt(path.slice(below.length), 10) : Number.NaN;
    if (Number.isNaN(id) || file.stamp === undefined) continue;
    const files = found.get(id) ?? new Map<string, StampedFile>();
    found.set(id, files.set(path, { ...file, stamp: file.stamp }));
  }
  const whole = new Map<number, RememberedShard>();
  for (const [id, files] of found) {
    const look = parseLookStamp(files.get(`${below}${id}/${SHARD_MANIFEST}`)?.stamp ?? '');
    if (look && files.size === look.files + 1) whole.set(id, { look, files });
  }
  return whole;
}
