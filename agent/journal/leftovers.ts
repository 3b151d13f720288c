import { join } from 'node:path';
import type { Logger } from '../system/logging.ts';
import { isPassing } from './committer.ts';
import type { Entry } from './entry.ts';
import { RUNTIME_DIRECTORY_KEY } from './runtime-directory.ts';
import { SPOOL_GENERATION_KEY, SPOOL_NAME, Spool, type SpoolContent } from './spool.ts';
import type { State } from './state.ts';
import type { StoreKeeper } from './store.ts';
import { TAIL_NAME, Tail } from './tail.ts';

export interface LeftoversOptions {
  stateDir: string;
  runtimeDirectory: string;
  store: StoreKeeper;
  state: State;
  log: Logger;
}

/** What a collector that was cut off left outside the database, in its spool and in its tail. */
export interface Leftovers {
  spooled: Entry[][];
  tail: Entry[];
  /** The newest generation of the spool, in the file or in the database. */
  generation: number;
  /** There is something to commit, be it the place of the tail alone. */
  toCommit: boolean;
  /** Why the database cannot tell what of it it has already; then all of it is here. */
  refusal: unknown;
  /** The spool to go on with when all of this is committed, or as long as it is not. */
  spool: (isCommitted: boolean) => Spool;
}

/**
 * Finds it, also where the tail's place has changed.
 * @throws what opening the database throws, but for what passes
 */
export function findLeftovers({ stateDir, runtimeDirectory, store, state, log }: LeftoversOptions): Leftovers {
  const path = join(stateDir, SPOOL_NAME);
  let committed: number | undefined;
  let before: unknown;
  let refusal: unknown;
  try {
    store.use(() => {
      committed = Number(state.load(SPOOL_GENERATION_KEY) ?? 0);
      before = state.load(RUNTIME_DIRECTORY_KEY);
    });
  } catch (error) {
    if (!isPassing(error)) throw error;
    refusal = error;
  }
  // The journal remembers where the last collector's tail is, if that one ran in other circumstances.
  const places = new Set([runtimeDirectory, ...(typeof before === 'string' ? [before] : [])]);
  const tail = [...places].flatMap((place) => Tail.read(join(place, TAIL_NAME)));
  const left = Spool.read(path);
  if (left.isDamaged) log.error('a flush in the spool is damaged: its readings are lost');
  const spooled = left.after(committed ?? 0);
  const moved = before !== runtimeDirectory;
  if (moved) state.remember(RUNTIME_DIRECTORY_KEY, runtimeDirectory);
  const generation = Math.max(left.generation, committed ?? 0);
  const toCommit = moved || spooled.length > 0 || tail.length > 0;
  const spool = (isCommitted: boolean) =>
    new Spool(path, isCommitted || spooled.length === 0 ? afresh(generation) : behind(left, committed));
  return { spooled, tail, generation, toCommit, refusal, spool };
}

const afresh = (generation: number) => ({ generation: generation + 1, end: 0 });

/** What may be committed already gets no company: what comes behind it surely is not, and has a generation of its own. */
function behind({ generation, end }: SpoolContent, committed: number | undefined) {
  return { generation: committed === undefined ? generation + 1 : generation, end };
}
