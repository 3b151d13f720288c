import { execFile } from 'node:child_process';
import { join } from 'node:path';

const CHILD = join(import.meta.dirname, 'kernel-clock-child.ts');
const LONGEST_MS = 30_000;
/** Between two questions: often while a start waits for the answer, then seldom. */
const PAUSE_MS = 10_000;
const LATER_PAUSE_MS = 600_000;
const MANY = 60;

/**
 * systemd's timedated is asked first: a unit may not call adjtimex(2) itself (ProtectClock=). Where it is not there, the kernel.
 * @returns whether the kernel's clock is synchronised; false where that cannot be asked
 */
export async function askKernel(env: NodeJS.ProcessEnv = process.env): Promise<boolean> {
  const told = await printed('timedatectl', ['show', '--property=NTPSynchronized', '--value'], env);
  return (told === 'yes' || told === 'no' ? told : await printed(process.execPath, [CHILD], env)) === 'yes';
}

function printed(program: string, args: string[], env: NodeJS.ProcessEnv): Promise<string | undefined> {
  return new Promise((resolve) => {
    const options = { timeout: LONGEST_MS, env };
    execFile(program, args, options, (error, stdout) => resolve(error ? undefined : stdout.trim()));
  });
}

/**
 * Whether a time daemon other than timesyncd keeps the clock. A process is asked each time: calling libc takes koffi, which
 * would cost the collector 10 MB of RSS for as long as it lives.
 */
export class KernelClock {
  readonly #ask: () => Promise<boolean>;
  readonly #nowMs: () => number;
  #answer: { sinceMs: number | undefined; yes: boolean } | undefined;
  #asking = false;
  #asked = 0;
  #askedMs = Number.NEGATIVE_INFINITY;

  constructor(ask = () => askKernel(), nowMs: () => number = () => performance.now()) {
    this.#ask = ask;
    this.#nowMs = nowMs;
  }

  /**
   * What was answered last; asks again when it is time.
   * @param sinceMs when the clock was set; an answer from before it does not count
   */
  synchronized(sinceMs: number | undefined): boolean {
    const known = this.#answer?.sinceMs === sinceMs ? this.#answer : undefined;
    const pauseMs = this.#asked < MANY ? PAUSE_MS : LATER_PAUSE_MS;
    const isDue = !known || this.#nowMs() - this.#askedMs >= pauseMs;
    if (isDue && !this.#asking) void this.#askNow(sinceMs);
    return known?.yes ?? false;
  }

  async #askNow(sinceMs: number | undefined): Promise<void> {
    this.#asking = true;
    this.#asked++;
    this.#askedMs = this.#nowMs();
    this.#answer = { sinceMs, yes: await this.#ask() };
    this.#asking = false;
  }
}
