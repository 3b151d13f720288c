import { writeSync } from 'node:fs';
import { runCollector } from '../../agent/collector/run.ts';
import { loadConfig } from '../../agent/config/load.ts';
import { silentLog } from './silent-log.ts';

/** The whole collector; prints each reading once it is in the journal; to be killed. */
await runCollector({
  config: loadConfig(process.argv[2] ?? ''),
  log: silentLog,
  until: new Promise((resolve) => process.once('SIGTERM', () => resolve())),
  onOutcome: (_series, outcome) => {
    if ('reading' in outcome) writeSync(1, `${JSON.stringify(outcome.reading)}\n`);
  },
});
