import { writeSync } from 'node:fs';
import { Journal } from '../../agent/journal/journal.ts';
import { JournalReader } from '../../agent/journal/reader.ts';
import { AgentError } from '../../agent/system/errors.ts';
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
let times: number[] | null = null;
try {
  const reader = new JournalReader(stateDir);
  times = reader.readings({ fromMs: 0, toMs: Number.MAX_SAFE_INTEGER }).map(({ timeMs }) => timeMs);
} catch (error) {
  // To read, SQLite needs some room as well.
  if (!(error instanceof AgentError)) throw error;
}
writeSync(1, JSON.stringify({ inMemory: journal.runtime.inMemory, times, messages: lines.map(({ msg }) => msg) }));
process.exit(0);
