import { join } from 'node:path';
import type { DatabaseSync } from 'node:sqlite';
import type { Entry } from './entry.ts';
import { RUNTIME_DIRECTORY_KEY } from './runtime-directory.ts';
import { SPOOL_GENERATION_KEY, SPOOL_NAME, Spool } from './spool.ts';
import { State } from './state.ts';
import { TAIL_NAME, Tail } from './tail.ts';

/**
 * What is not in the database yet. To be read before the database: entries go from the tail to the spool to the database, so
 * that one which moves on meanwhile is seen twice and merged, never missed.
 */
export class Waiting {
  readonly #stateDir: string;
  readonly #state: State;

  constructor(stateDir: string, db: DatabaseSync) {
    this.#stateDir = stateDir;
    this.#state = new State(db);
  }

  entries(): Entry[] {
    return this.#all().filter(({ held }) => !held);
  }

  /** What waits and is to be held, because nobody knows its time yet. */
  held(): Entry[] {
    return this.#all().filter(({ held }) => held);
  }

  /** What is durable already, in the spool: one batch a flush. */
  flushes(): Entry[][] {
    return this.#spooled().map((batch) => batch.filter(({ held }) => !held));
  }

  #all(): Entry[] {
    const directory = this.runtimeDirectory();
    const tail = directory === undefined ? [] : Tail.read(join(directory, TAIL_NAME));
    return [...this.#spooled().flat(), ...tail];
  }

  #spooled(): Entry[][] {
    const spool = Spool.read(join(this.#stateDir, SPOOL_NAME));
    return spool.after(Number(this.#state.load(SPOOL_GENERATION_KEY) ?? 0));
  }

  /** Where the running collector keeps its tail and its status. */
  runtimeDirectory(): string | undefined {
    const path = this.#state.load(RUNTIME_DIRECTORY_KEY);
    return typeof path === 'string' ? path : undefined;
  }
}
