import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

export const REPOSITORY = fileURLToPath(new URL('../..', import.meta.url));
export const AGENT = join(REPOSITORY, 'agent/energy-monitor');

/** A temporary directory and the programs that a part of the bench starts; both are gone when it is closed. */
export class Workplace implements Disposable {
  readonly directory = mkdtempSync(join(tmpdir(), 'energy-monitor-bench-'));
  readonly #children: ChildProcess[] = [];

  /** @returns the child, with its output as a pipe */
  start(command: string, args: string[], env: NodeJS.ProcessEnv = {}): ChildProcess {
    const child = spawn(command, args, { stdio: ['ignore', 'pipe', 'inherit'], env: { ...process.env, ...env } });
    child.stdout.resume();
    this.#children.push(child);
    return child;
  }

  /** The command line, as a person starts it. */
  agent(args: string[]): ChildProcess {
    return this.start(AGENT, args);
  }

  async end(child: ChildProcess, signal: NodeJS.Signals = 'SIGTERM'): Promise<void> {
    if (child.exitCode !== null || child.signalCode !== null) return;
    const ended = new Promise((resolve) => child.once('close', resolve));
    child.kill(signal);
    await ended;
  }

  [Symbol.dispose](): void {
    for (const child of this.#children) child.kill('SIGKILL');
    rmSync(this.directory, { recursive: true, force: true, maxRetries: 3 });
  }
}
