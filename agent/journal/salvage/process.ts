import { constants, setPriority } from 'node:os';
import { setTimeout as sleep } from 'node:timers/promises';
import { AgentError, messageOf } from '../../system/errors.ts';
import { collectBuffers } from '../../system/garbage.ts';
import { Salvage } from './salvage.ts';

/** What the process tells the collector that started it, at its end. */
export type SalvageReport =
  | { kind: 'done'; readings: number; gaps: number; lostPages: number; lostRows: number; unknown: number }
  | { kind: 'failed'; message: string; hint: string | undefined };

/** A fourth of the time at most, and of what the card can do: the readings that come now are more important. */
const PAUSE_FACTOR = 3;
const LEAST_PAUSE_MS = 20;
const BYTES_A_STEP = 1e6;

async function run(stateDir: string, path: string): Promise<SalvageReport> {
  const salvage = new Salvage(stateDir, path);
  try {
    for (let more = true; more; ) {
      const startMs = performance.now();
      more = salvage.step();
      collectBuffers(BYTES_A_STEP);
      await sleep(Math.max(LEAST_PAUSE_MS, (performance.now() - startMs) * PAUSE_FACTOR));
    }
    const { readings, gaps, lostPages, lostRows, unknown } = salvage.progress;
    return { kind: 'done', readings, gaps, lostPages, lostRows, unknown };
  } finally {
    salvage.close();
  }
}

// It is the collector's: without it, the next one begins where this has come to.
process.once('disconnect', () => process.exit());
setPriority(constants.priority.PRIORITY_LOW);
const [stateDir = '', path = ''] = process.argv.slice(2);
const report = await run(stateDir, path).catch(
  (error): SalvageReport => ({
    kind: 'failed',
    message: messageOf(error),
    hint: error instanceof AgentError ? error.hint : undefined,
  }),
);
process.send?.(report, () => process.disconnect());
