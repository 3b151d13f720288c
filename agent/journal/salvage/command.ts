import { statSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { AgentError } from '../../system/errors.ts';
import { collectBuffers } from '../../system/garbage.ts';
import { journalPath } from '../database.ts';
import { CollectorLock } from '../lock.ts';
import type { SalvageProgress } from './progress.ts';
import { Salvage } from './salvage.ts';

export type SalvageResult = Omit<SalvageProgress, 'catalogue' | 'file'>;

const BYTES_A_STEP = 1e6;

/**
 * Salvages a damaged journal by hand, which may be one that was set aside or one from elsewhere, beside a collector that
 * goes on. Cut off, it goes on where it was.
 * @throws AgentError `usage` for the journal itself; `storage`
 */
export async function salvageFile(
  stateDir: string,
  path: string,
  onProgress: (progress: SalvageResult) => void,
): Promise<SalvageResult> {
  if (isSameFile(path, journalPath(stateDir))) {
    throw new AgentError('usage', `${path} is the journal itself`, {
      hint: 'name a damaged one that was set aside; its collector sets the journal aside when it is damaged',
    });
  }
  const salvage = new Salvage(stateDir, path);
  try {
    while (salvage.step()) {
      onProgress(salvage.progress);
      collectBuffers(BYTES_A_STEP);
      // A collector gets its turn to write.
      if (CollectorLock.isHeld(stateDir)) await sleep(20);
    }
    const { catalogue: _, file: __, ...result } = salvage.progress;
    return result;
  } finally {
    salvage.close();
  }
}

function isSameFile(one: string, other: string): boolean {
  const [a, b] = [one, other].map((path) => statSync(path, { throwIfNoEntry: false }));
  return a !== undefined && b !== undefined && a.dev === b.dev && a.ino === b.ino;
}

export function salvageText({ readings, gaps, lostPages, lostRows, unknown }: SalvageResult): string {
  const lines = [`${readings} readings and ${gaps} gaps are in the journal that were not before`];
  if (lostPages + lostRows > 0) lines.push(`  ${lostPages} pages and ${lostRows} rows could not be read`);
  if (unknown > 0) lines.push(`  of ${unknown} rows the meter or the layout is not known any more`);
  return `${lines.join('\n')}\n`;
}
