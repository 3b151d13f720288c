import { RUNTIME_DIRECTORY_KEY } from './runtime-directory.ts';
import { SPOOL_GENERATION_KEY } from './spool.ts';

/** Key in `state`: what the file says of itself (witness.ts). */
export const WITNESS_KEY = 'file';
/** Keys in `state`: how far a damaged file is salvaged, by its name (salvage/salvage.ts). */
export const SALVAGE_PREFIX = 'salvage/';

const OF_FILE = new Set<string>([SPOOL_GENERATION_KEY, RUNTIME_DIRECTORY_KEY, WITNESS_KEY]);

/** Keys in `state` that hold ids of the file's series (withdrawn.ts). */
const WITHDRAWN_PREFIX = 'withdrawn/';

/** Is it of the file, in words that mean something else where ids are others? */
export function isOfIds(key: string): boolean {
  return key.startsWith(WITHDRAWN_PREFIX);
}

/** Is it of the file, of the process that wrote it, or of an import into it, and means nothing in another journal? */
export function isOfFile(key: string): boolean {
  return OF_FILE.has(key) || key.startsWith(SALVAGE_PREFIX) || key.startsWith('import/');
}
