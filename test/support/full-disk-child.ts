import { writeSync } from 'node:fs';
import { createLogger } from '../../agent/system/logging.ts';
import { open } from './open-journal.ts';
import { DECIMALS, readingAt } from './readings.ts';

/**
 * A collector with a reading each few ms, until SIGTERM: prints what it logs, and each time when its status has changed; at
 * the end how many readings it took. `FIRST` is the first second.
 */
const [stateDir = '', first = '1'] = process.argv.slice(2);
const print = (value: unknown) => writeSync(1, `${JSON.stringify(value)}\n`);
const log = createLogger({ format: 'json', write: (line) => void writeSync(1, line) });
const journal = open(stateDir, { log, flushIntervalMs: 20, commitIntervalMs: 60 });
let second = Number(first);
let before: string | undefined = '';
const timer = setInterval(() => {
  journal.append(readingAt(second++ * 1000), DECIMALS);
  const problem = journal.status.problem?.message;
  if (problem !== before) print({ problem: problem ?? 'none', pending: journal.status.pending });
  before = problem;
}, 5);
process.once('SIGTERM', () => {
  clearInterval(timer);
  journal.close();
  print({ last: second - 1 });
});
