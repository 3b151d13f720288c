import { type ChildProcess, spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { messageOf } from '../system/errors.ts';
import type { Logger } from '../system/logging.ts';
import { untilQuiet } from '../system/quiet-moment.ts';
import type { PassMessage, PassOptions } from './pass.ts';

const PROGRAM = fileURLToPath(new URL('./process.ts', import.meta.url));
/** A quarter's readings are rolled up at once: each pass costs the card six pages. */
const EVERY_MS = 900_000;
/** The first readings come first. */
const FIRST_MS = 20_000;
/** A transaction under way ends; longer than that it is broken off, which leaves it undone. */
const LONGEST_STOP_MS = 5000;
/** Catching up with years needs no more. */
const HEAP_FLAGS = ['--max-old-space-size=64', '--max-semi-space-size=2'];

/**
 * Keeps the history up beside a collector: each quarter of an hour a process of low priority, which ends when it is done. A
 * thread would cost the collector 15 MB that stay, and in its own thread each commit would stop the second grid (measured).
 * @returns what ends it
 */
export function keepHistory(
  options: PassOptions,
  log: Logger,
  { everyMs = EVERY_MS, firstMs = FIRST_MS } = {},
): () => Promise<void> {
  let child: ChildProcess | undefined;
  let ended: Promise<void> = Promise.resolve();
  let stopping = false;
  let failed = false;
  /** What the last pass has said, and this one: what stays wrong is said once. */
  let [before, now] = [new Set<string>(), new Set<string>()];
  let timer = setTimeout(begin, betweenReadings(firstMs));
  const later = () => {
    child = undefined;
    if (!stopping) timer = setTimeout(begin, betweenReadings(everyMs));
  };
  const fail = (reason: string) => {
    if (!failed) log.error({ reason }, 'the history cannot be kept up; readings are kept in the journal meanwhile');
    failed = true;
  };
  function begin(): void {
    try {
      child = start(options);
    } catch (error) {
      fail(messageOf(error));
      later();
      return;
    }
    eachLine(child, (line) => {
      if (!before.has(line)) relay(line, log);
      now.add(line);
    });
    child.on('error', (error) => fail(messageOf(error)));
    ended = new Promise((resolve) => {
      child?.once('close', (code, signal) => {
        [before, now] = [now, new Set()];
        if (code === 0) failed = false;
        else if (!stopping) fail(`its process ended with ${signal ?? code}`);
        later();
        resolve();
      });
    });
  }
  return async () => {
    stopping = true;
    clearTimeout(timer);
    if (!child) return;
    child.stdin?.end();
    const forced = setTimeout(() => child?.kill('SIGKILL'), LONGEST_STOP_MS);
    await ended;
    clearTimeout(forced);
  };
}

/** Starting a process stops this one for up to 14 ms (measured). */
function betweenReadings(ms: number): number {
  return ms < 1000 ? ms : untilQuiet(ms);
}

function start(options: PassOptions): ChildProcess {
  const flags = ['--disable-warning=ExperimentalWarning', ...HEAP_FLAGS];
  const child = spawn(process.execPath, [...flags, PROGRAM, JSON.stringify(options)], {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  child.stdin?.on('error', () => {});
  return child;
}

function eachLine({ stdout }: ChildProcess, take: (line: string) => void): void {
  if (stdout) createInterface({ input: stdout }).on('line', take);
}

function relay(line: string, log: Logger): void {
  try {
    const { level, details, text } = JSON.parse(line) as PassMessage;
    log[level](details, text);
  } catch {
    log.warn({ line }, 'the history said something odd');
  }
}
