import type { Config } from '../config/schema.ts';
import { Journal } from '../journal/journal.ts';
import type { Series } from '../readings/reading.ts';
import type { Logger } from '../system/logging.ts';
import type { ReloadRequests } from '../system/reload-signal.ts';
import { Collector } from './collector.ts';
import { Forwarding } from './forwarding.ts';
import type { Outcome } from './meter-loop.ts';
import { type ReloadEvents, Reloader } from './reload.ts';
import { publishStatus } from './status.ts';

export interface RunOptions extends ReloadEvents {
  config: Config;
  log: Logger;
  /** Collecting ends, cleanly, when this resolves. */
  until: Promise<void>;
  /** Who asks for the configuration to be read again, and how to read it. */
  reload?: { requests: ReloadRequests; load: () => Config };
  onStart?: (collector: Collector, journal: Journal) => void;
  onOutcome?: (series: Series, outcome: Outcome) => void;
}

/** Collects from start to clean end: journal, lines, loops, status; in reverse at the end, so that nothing read is lost. */
export async function runCollector(options: RunOptions): Promise<void> {
  const { config, log, until, reload, onStart, onOutcome } = options;
  const { flushInterval, retention, maxSize } = config.journal;
  const journal = Journal.open({
    stateDir: config.stateDir,
    flushIntervalMs: flushInterval,
    maxAgeMs: retention,
    maxBytes: maxSize,
    log,
  });
  let endStatus = () => {};
  const forwarding = new Forwarding(config, journal, log);
  try {
    const collector = new Collector({ config, journal, log, ...(onOutcome ? { onOutcome } : {}) });
    collector.start();
    const load = reload?.load ?? (() => config);
    const reloader = new Reloader({ ...options, load, collector, forwarding });
    endStatus = publishStatus(journal.runtime, () => ({ ...collector.status(), reload: reloader.last }));
    log.info({ meters: config.meters.map((meter) => meter.name), stateDir: config.stateDir }, 'collecting');
    onStart?.(collector, journal);
    reload?.requests.listen(() => void reloader.request());
    await until;
    await reloader.stop();
    await collector.stop();
    log.info('stopped');
  } finally {
    endStatus();
    await forwarding.end();
    journal.close();
  }
}
