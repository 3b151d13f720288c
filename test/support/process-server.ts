import { type ChildProcess, spawn } from 'node:child_process';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterTest } from './side-by-side.ts';

/** A server program that tests start, kill and start again on the same port and data; gone when the test ends. */
export class ProcessServer {
  readonly url: string;
  readonly #command: string;
  readonly #args: string[];
  readonly #healthPath: string;
  readonly #stopSignal: NodeJS.Signals;
  readonly #env: NodeJS.ProcessEnv;
  #child: ChildProcess | undefined;
  #output = '';

  constructor(options: {
    command: string;
    args: string[];
    port: number;
    healthPath: string;
    stopSignal: NodeJS.Signals;
    env?: NodeJS.ProcessEnv;
  }) {
    this.url = `http://127.0.0.1:${options.port}`;
    this.#command = options.command;
    this.#args = options.args;
    this.#healthPath = options.healthPath;
    this.#stopSignal = options.stopSignal;
    this.#env = { ...process.env, ...options.env };
    afterTest(() => this.end('SIGKILL'));
  }

  async start(): Promise<void> {
    const child = spawn(this.#command, this.#args, { stdio: ['ignore', 'pipe', 'pipe'], env: this.#env });
    this.#child = child;
    for (const stream of [child.stdout, child.stderr]) {
      stream.on('data', (text: Buffer) => {
        this.#output = (this.#output + text.toString()).slice(-4000);
      });
    }
    for (let tries = 0; tries < 300; tries++) {
      if (child.exitCode !== null) break;
      const ok = await fetch(`${this.url}${this.#healthPath}`).then(
        async (response) => {
          await response.arrayBuffer();
          return response.ok;
        },
        () => false,
      );
      if (ok) return;
      await sleep(100);
    }
    throw new Error(`${this.#command} did not start: ${this.#output}`);
  }

  /** Ends it; by default as a clean stop. */
  async end(signal: NodeJS.Signals = this.#stopSignal): Promise<void> {
    const child = this.#child;
    this.#child = undefined;
    if (!child || child.exitCode !== null || child.signalCode !== null) return;
    const ended = new Promise((resolve) => child.once('exit', resolve));
    child.kill(signal);
    await ended;
  }
}
