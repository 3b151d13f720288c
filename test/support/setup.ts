import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll } from 'vitest';

// Journals keep their tails here, each in a directory of its own that outlives it: in memory, as for a user who is logged in.
const runtime = mkdtempSync(join(existsSync('/dev/shm') ? '/dev/shm' : tmpdir(), 'energy-monitor-test-'));
process.env.XDG_RUNTIME_DIR = runtime;
const remove = () => rmSync(runtime, { recursive: true, force: true });
afterAll(remove);
// A file of tests that cannot even be loaded has no end of its own.
process.once('exit', remove);

// node:sqlite announces itself as a release candidate in each worker.
const warn = process.emitWarning.bind(process);
process.emitWarning = ((warning: string | Error, ...rest: unknown[]) => {
  if (String(warning).includes('SQLite')) return;
  (warn as (...args: unknown[]) => void)(warning, ...rest);
}) as typeof process.emitWarning;
