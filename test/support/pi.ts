import { mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Child, finished, runCommand } from './child.ts';
import { temporaryDirectory } from './temporary.ts';

/** A Pi whose files lie below one directory; the one that replaces it has the same paths, and nothing in them. */
export class Pi {
  readonly #root: string;

  constructor() {
    this.#root = join(temporaryDirectory(), 'pi');
    this.#make();
  }

  /** Beside its configuration. */
  path(name: string): string {
    return join(this.#root, 'etc', name);
  }

  get config(): string {
    return this.path('config.yaml');
  }

  get stateDir(): string {
    return join(this.#root, 'state');
  }

  secret(name: string): string {
    return readFileSync(this.path(name), 'utf8').trim();
  }

  run(...args: string[]) {
    return finished(args, this.#env);
  }

  start(...args: string[]): Child {
    return runCommand(args, this.#env);
  }

  configure(content: object): void {
    writeFileSync(this.config, JSON.stringify({ stateDir: this.stateDir, ...content }));
  }

  /** Everything on it is gone: another one takes its place, with an empty directory. */
  replace(): void {
    renameSync(this.#root, `${this.#root}-lost-${process.hrtime.bigint()}`);
    this.#make();
  }

  get #env(): NodeJS.ProcessEnv {
    return { XDG_RUNTIME_DIR: join(this.#root, 'run') };
  }

  #make(): void {
    for (const name of ['etc', 'run']) mkdirSync(join(this.#root, name), { recursive: true });
  }
}
