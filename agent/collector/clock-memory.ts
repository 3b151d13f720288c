import { readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { KnownClock } from '../journal/recall.ts';

const NAME = 'clock.json';

/** How the clock went when it was trusted last, where files outlive the process and not the boot. */
export function readClock(directory: string): KnownClock | undefined {
  try {
    const { boot, offsetMs, confirmed } = JSON.parse(readFileSync(join(directory, NAME), 'utf8')) as KnownClock;
    return typeof boot === 'string' && Number.isFinite(offsetMs)
      ? { boot, offsetMs, confirmed: confirmed === true }
      : undefined;
  } catch {
    return undefined;
  }
}

export function writeClock(directory: string, clock: KnownClock): void {
  const path = join(directory, NAME);
  try {
    writeFileSync(`${path}.new`, JSON.stringify(clock));
    renameSync(`${path}.new`, path);
  } catch {
    // Then the next start of this boot asks for evidence again.
  }
}
