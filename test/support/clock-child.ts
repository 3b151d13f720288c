import { readFileSync, writeSync } from 'node:fs';
import { runCollector } from '../../agent/collector/run.ts';
import { loadConfig } from '../../agent/config/load.ts';
import { systemClock } from '../../agent/system/clock.ts';
import { systemEvidence } from '../../agent/system/clock-state.ts';
import { createLogger } from '../../agent/system/logging.ts';

/** What a file says of the clock; read again at SIGUSR2. */
export interface ChildClock {
  /** By how much the wall clock is ahead of the true time. */
  shiftMs: number;
  synchronized: boolean;
  boot: string;
  /** When that boot was: process.hrtime() in ms. */
  bootedMs: number;
}

/** The whole collector with such a clock. Prints each outcome once it is in the journal; to be killed. */
const [config = '', path = ''] = process.argv.slice(2);
const readClock = () => JSON.parse(readFileSync(path, 'utf8')) as ChildClock;
let clock = readClock();
const shifts = [clock.shiftMs];
process.on('SIGUSR2', () => {
  clock = readClock();
  shifts.push(clock.shiftMs);
});
const { boot, bootedMs } = clock;
await runCollector({
  config: loadConfig(config),
  log: createLogger({ level: 'info' }),
  until: new Promise((resolve) => process.once('SIGTERM', () => resolve())),
  clock: { ...systemClock, wallMs: () => systemClock.wallMs() + clock.shiftMs },
  evidence: {
    boot,
    bootMs: systemEvidence().bootMs - bootedMs,
    synchronized: () => clock.synchronized,
    keptByHardware: () => false,
  },
  onOutcome: (_series, outcome) => {
    const { held, timeMs } = outcome;
    const reading = 'reading' in outcome;
    // By the clock as it went when its second began: it may have been set since.
    const startMs = reading ? timeMs + 1000 * (outcome.reading.values.start_offset ?? Number.NaN) : timeMs;
    const beside = (shiftMs: number) => Math.abs(startMs - shiftMs - systemClock.wallMs());
    const trueMs = startMs - shifts.reduce((best, shiftMs) => (beside(shiftMs) < beside(best) ? shiftMs : best));
    writeSync(1, `${JSON.stringify({ held, reading, trueMs })}\n`);
  },
});
