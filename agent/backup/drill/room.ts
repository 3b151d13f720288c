import { statfsSync } from 'node:fs';
import { AgentError } from '../../system/errors.ts';

/** The disk that is also the collector's is never filled. */
const SPARE_BYTES = 200e6;

/** @throws AgentError `storage` unless so many bytes, and some to spare, are free there */
export function requireRoom(directory: string, dataBytes: number): void {
  const bytes = dataBytes + SPARE_BYTES;
  const { bavail, bsize } = statfsSync(directory);
  if (bavail * bsize >= bytes) return;
  const [needed, free] = [bytes, bavail * bsize].map((n) => `${Math.ceil(n / 1e6)} MB`);
  throw new AgentError('storage', `a drill needs ${needed} in ${directory}, and ${free} are free`, {
    hint: 'name a directory on another disk with --scratch',
  });
}
