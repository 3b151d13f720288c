import type { Config } from '../config/schema.ts';
import { Journal } from '../journal/journal.ts';
import type { Series } from '../readings/reading.ts';
import type { Logger } from '../system/logging.ts';
import { Collector } from './collector.ts';
import type { Outcome } from './meter-loop.ts';
import { publishStatus } from './status.ts';

export interface RunOptions {
  config: Config;
  log: Logger;
  /** Collecting ends, cleanly, when this resolves. */
  until: Promise<void>;
  onStart?: (collector: Collector, journal: Journal) => void;
  onOutcome?: (series: Series, outcome: Outcome) => void;
}

/** The first reading comes first: starting the forwarding thread takes a core for a moment. */
const FORWARDING_DELAY_MS = 1500;

/** Collects from start to clean end: journal, lines, loops, status; in reverse at the end, so that nothing read is lost. */
export async function runCollector({ config, log, until, onStart, onOutcome }: RunOptions): Promise<void> {
  const { flushInterval, retention, maxSize } = config.journal;
  const journal = Journal.open({
    stateDir: config.stateDir,
    flushIntervalMs: flushInterval,
    maxAgeMs: retention,
    maxBytes: maxSize,
    log,
  });
  let endStatus = () => {};
  let endForwarding = async () => {};
  const forwardingTimer = setTimeout(() => {
    if (config.influxdb.length === 0) return;
    void import('../forwarding/thread.ts').then(({ startForwarding }) => {
      if (ended) return;
      const options = { stateDir: config.stateDir, runtimeDirectory: journal.runtime.path, sinks: config.influxdb };
      endForwarding = startForwarding(options, log);
    });
  }, FORWARDING_DELAY_MS);
  let ended = false;
  try {
    const collector = new Collector({ config, journal, log, ...(onOutcome ? { onOutcome } : {}) });
    collector.start();
    endStatus = publishStatus(journal.runtime, () => collector.status());
    log.info({ meters: config.meters.map((meter) => meter.name), stateDir: config.stateDir }, 'collecting');
    onStart?.(collector, journal);
    await until;
    await collector.stop();
    log.info('stopped');
  } finally {
    ended = true;
    clearTimeout(forwardingTimer);
    endStatus();
    await endForwarding();
    journal.close();
  }
}
