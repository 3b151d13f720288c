import { writeSync } from 'node:fs';
import { Journal } from '../../agent/journal/journal.ts';
import { DECIMALS, readingAt } from './readings.ts';
import { silentLog } from './silent-log.ts';

/** Appends readings as fast as it can and prints each one's time when it is appended; to be killed. */
const [stateDir, firstMs] = process.argv.slice(2);
const journal = Journal.open({ stateDir: stateDir ?? '', flushIntervalMs: 3, log: silentLog });
let timeMs = Number(firstMs);
setInterval(() => {
  journal.append(readingAt(timeMs), DECIMALS);
  writeSync(1, `${timeMs}\n`);
  timeMs += 10;
}, 1);
