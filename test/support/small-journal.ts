import { writeSync } from 'node:fs';
import { Journal } from '../../agent/journal/journal.ts';
import { JournalReader } from '../../agent/journal/reader.ts';
import { DECIMALS, readingAt } from './readings.ts';
import { recordingLog } from './silent-log.ts';

/**
 * Appends readings to a journal in a small file system, without a flush of its own (`append FIRST LAST`) or with one for
 * each (`flush FIRST LAST`); ends as a killed process does, and prints what a reader sees then and after the next start.
 */
const [stateDir = '', phase, first, last] = process.argv.slice(2);
const { log, lines } = recordingLog();
const journal = Journal.open({ stateDir, flushIntervalMs: 3_600_000, log });
for (let second = Number(first); second <= Number(last); second++) {
  journal.append(readingAt(second * 1000), DECIMALS);
  if (phase === 'flush') journal.flush();
}
const reader = new JournalReader(stateDir);
const times = reader.readings({ fromMs: 0, toMs: Number.MAX_SAFE_INTEGER }).map(({ timeMs }) => timeMs);
writeSync(1, JSON.stringify({ inMemory: journal.runtime.inMemory, times, messages: lines.map(({ msg }) => msg) }));
process.exit(0);
