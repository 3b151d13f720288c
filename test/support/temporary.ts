import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterTest } from './side-by-side.ts';

/** A directory that goes when the test ends. */
export function temporaryDirectory(): string {
  const path = mkdtempSync(join(tmpdir(), 'energy-monitor-test-'));
  afterTest(() => rmSync(path, { recursive: true, force: true }));
  return path;
}
