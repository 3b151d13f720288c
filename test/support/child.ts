import { type ChildProcess, spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { afterTest } from './side-by-side.ts';

export const REPOSITORY = fileURLToPath(new URL('../..', import.meta.url));

/** A child of the test, stopped by its pid when the test ends. */
export interface Child {
  process: ChildProcess;
  /** What it has printed so far. */
  output(): string;
  errors(): string;
  /** Resolves when it has printed something that matches. */
  printed(pattern: RegExp, timeoutMs?: number): Promise<RegExpExecArray>;
  /** Sends the signal and waits for the end. */
  end(signal: NodeJS.Signals): Promise<number | null>;
  ended: Promise<number | null>;
}

function follow(child: ChildProcess): Child {
  let out = '';
  let err = '';
  const watchers = new Set<() => void>();
  const append = (text: string, toOut: boolean) => {
    if (toOut) out += text;
    else err += text;
    for (const watcher of watchers) watcher();
  };
  child.stdout?.setEncoding('utf8').on('data', (text: string) => append(text, true));
  child.stderr?.setEncoding('utf8').on('data', (text: string) => append(text, false));
  const ended = new Promise<number | null>((resolve) => child.once('close', (code) => resolve(code)));
  afterTest(async () => {
    if (child.exitCode === null && child.signalCode === null) child.kill('SIGKILL');
    await ended;
  });
  return {
    process: child,
    output: () => out,
    errors: () => err,
    ended,
    end: (signal) => {
      child.kill(signal);
      return ended;
    },
    printed: (pattern, timeoutMs = 15_000) =>
      new Promise((resolve, reject) => {
        const settle = (action: () => void) => {
          clearTimeout(timer);
          watchers.delete(look);
          action();
        };
        const timer = setTimeout(
          () => settle(() => reject(new Error(`never printed ${pattern}; printed: ${out}${err}`))),
          timeoutMs,
        );
        const look = () => {
          const match = pattern.exec(out) ?? pattern.exec(err);
          if (match) settle(() => resolve(match));
        };
        watchers.add(look);
        void ended.then(() => {
          look();
          settle(() => reject(new Error(`ended without printing ${pattern}; printed: ${out}${err}`)));
        });
        look();
      }),
  };
}

/** Runs a script of the tests under the pinned Node. */
export function runScript(path: string, args: string[], env: NodeJS.ProcessEnv = {}): Child {
  const flags = ['--disable-warning=ExperimentalWarning'];
  const options = { cwd: REPOSITORY, env: { ...process.env, ...env } };
  return follow(spawn(process.execPath, [...flags, path, ...args], { ...options, stdio: ['ignore', 'pipe', 'pipe'] }));
}

/** Runs any program. */
export function runProgram(program: string, args: string[]): Child {
  return follow(spawn(program, args, { stdio: ['ignore', 'pipe', 'pipe'] }));
}

/** Runs the command line as a person does. */
export function runCommand(args: string[], env: NodeJS.ProcessEnv = {}, cwd?: string): Child {
  const child = spawn(`${REPOSITORY}/agent/energy-monitor`, args, {
    cwd,
    env: { ...process.env, ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  return follow(child);
}

/** Runs a command to its end. */
export async function finished(
  args: string[],
  env?: NodeJS.ProcessEnv,
  cwd?: string,
): Promise<{ code: number | null; out: string; err: string }> {
  const child = runCommand(args, env, cwd);
  const code = await child.ended;
  return { code, out: child.output(), err: child.errors() };
}
