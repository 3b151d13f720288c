import type { Config } from '../config/schema.ts';
import { lanesOf } from '../forwarding/lanes.ts';
import { keepHistory } from '../history/upkeep.ts';
import { HISTORY_CONSUMER } from '../journal/cursors.ts';
import { Journal } from '../journal/journal.ts';
import type { Series } from '../readings/reading.ts';
import { type Clock, systemClock } from '../system/clock.ts';
import { type ClockEvidence, systemEvidence } from '../system/clock-state.ts';
import { messageOf } from '../system/errors.ts';
import type { Logger } from '../system/logging.ts';
import { systemZone } from '../system/zone.ts';
import { readClock, writeClock } from './clock-memory.ts';
import { ClockWatch } from './clock-watch.ts';
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
  /** For tests that set the clock. */
  clock?: Clock;
  evidence?: ClockEvidence;
}

/** The first reading comes first: starting the forwarding thread takes a core for a moment. */
const FORWARDING_DELAY_MS = 1500;
/** While its files are being replaced by an upgrade. */
const FORWARDING_RETRY_MS = 10_000;

/** Levels of the history that stay for ever, unless the configuration says otherwise. */
const NO_BOUND = { minute: undefined, quarter: undefined, hour: undefined };

/** Collects from start to clean end: journal, lines, loops, status; in reverse at the end, so that nothing read is lost. */
export async function runCollector(options: RunOptions): Promise<void> {
  const { config, log, until, onStart, onOutcome, clock = systemClock } = options;
  const { flushInterval, retention, maxSize } = config.journal;
  const journal = Journal.open({
    stateDir: config.stateDir,
    flushIntervalMs: flushInterval,
    maxAgeMs: retention,
    maxBytes: maxSize,
    takenBy: HISTORY_CONSUMER,
    log,
  });
  let endStatus = () => {};
  const endForwarding = forwardLater(config, journal, log);
  const watch = clockWatch(options, journal, clock);
  const { stateDir, timeZone = systemZone(), history } = config;
  const endHistory = keepHistory({ stateDir, timeZone, retention: { ...NO_BOUND, ...history.retention } }, log);
  try {
    watch.start();
    const collector = new Collector({ config, journal, log, clock, watch, ...(onOutcome ? { onOutcome } : {}) });
    collector.start();
    endStatus = publishStatus(journal.runtime, () => collector.status());
    log.info({ meters: config.meters.map((meter) => meter.name), stateDir: config.stateDir }, 'collecting');
    onStart?.(collector, journal);
    await until;
    await collector.stop();
    log.info('stopped');
  } finally {
    endStatus();
    watch.stop();
    await Promise.all([endForwarding(), endHistory()]);
    journal.close();
  }
}

/** What is held of this boot gets its times before the collector looks what the journal knows. */
function clockWatch({ config, log, evidence }: RunOptions, journal: Journal, clock: Clock): ClockWatch {
  const directory = journal.runtime.path;
  return new ClockWatch({
    clock,
    evidence: evidence ?? systemEvidence(),
    holdMs: config.clock.hold,
    newestMs: journal.lookUp((reader) => reader.counts().toMs) ?? Number.NEGATIVE_INFINITY,
    log,
    remembered: readClock(directory),
    onChange: (trusted) => {
      journal.setClock(trusted);
      if (trusted) writeClock(directory, trusted);
    },
  });
}

/** @returns what ends the forwarding, or what would have begun it */
function forwardLater({ stateDir, influxdb: sinks }: Config, journal: Journal, log: Logger): () => Promise<void> {
  try {
    journal.cursors.keepOnly([...sinks.flatMap(lanesOf).map(({ consumer }) => consumer), HISTORY_CONSUMER]);
  } catch (error) {
    // A full disk: the next start looks again.
    log.warn({ reason: messageOf(error) }, 'servers that left the configuration cannot be forgotten now');
  }
  if (sinks.length === 0) return async () => {};
  let end: (() => Promise<void>) | undefined;
  let timer: NodeJS.Timeout | undefined;
  let ended = false;
  const begin = async () => {
    try {
      const { startForwarding } = await import('../forwarding/thread.ts');
      if (!ended) end = startForwarding({ stateDir, runtimeDirectory: journal.runtime.path, sinks }, log);
    } catch (error) {
      log.error({ reason: messageOf(error) }, 'forwarding cannot be started');
      timer = setTimeout(begin, FORWARDING_RETRY_MS);
    }
  };
  timer = setTimeout(begin, FORWARDING_DELAY_MS);
  return async () => {
    ended = true;
    clearTimeout(timer);
    await end?.();
  };
}
