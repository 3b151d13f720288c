import type { Config } from '../config/schema.ts';
import { readForwardingStatus } from '../forwarding/forward-status.ts';
import { keepHistory } from '../history/upkeep.ts';
import { HISTORY_CONSUMER } from '../journal/cursors.ts';
import { Journal } from '../journal/journal.ts';
import type { Series } from '../readings/reading.ts';
import { type Clock, systemClock } from '../system/clock.ts';
import { type ClockEvidence, systemEvidence } from '../system/clock-state.ts';
import { collectNow } from '../system/garbage.ts';
import type { Logger } from '../system/logging.ts';
import { untilQuiet } from '../system/quiet-moment.ts';
import type { ReloadRequests } from '../system/reload-signal.ts';
import type { ServiceManager } from '../system/service-manager.ts';
import { Announcer } from './announcer.ts';
import { readClock, writeClock } from './clock-memory.ts';
import { ClockWatch } from './clock-watch.ts';
import { Collector } from './collector.ts';
import type { Companion, StartCompanion } from './companion.ts';
import { Forwarding } from './forwarding.ts';
import type { Outcome } from './meter-loop.ts';
import { Reloader } from './reload.ts';
import { publishStatus } from './status.ts';
import { statusSentence } from './status-sentence.ts';

export interface RunOptions {
  config: Config;
  log: Logger;
  /** Collecting ends, cleanly, when this resolves. */
  until: Promise<void>;
  /** Who asks for the configuration to be read again, and how to read it. */
  reload?: { requests: ReloadRequests; load: () => Config };
  /** Is told when the collector runs, how it is, and that it ends. */
  manager?: ServiceManager | undefined;
  /** What shows to others what is read. */
  companion?: StartCompanion | undefined;
  onStart?: (collector: Collector, journal: Journal) => void;
  onOutcome?: (series: Series, outcome: Outcome) => void;
  /** For tests that set the clock. */
  clock?: Clock;
  evidence?: ClockEvidence;
}

/** Levels of the history that stay for ever, unless the configuration says otherwise. */
const NO_BOUND = { minute: undefined, quarter: undefined, hour: undefined };

/** Schema, parser and command line have served then. */
const TIDY_MS = 10_000;
/** Left alone, V8 lets garbage pile up for an hour: 0.3 MB a minute (measured). A collection takes 10 ms of a PC. */
const TIDY_AGAIN_MS = 300_000;

/** Collects from start to clean end: journal, lines, loops, status; in reverse at the end, so that nothing read is lost. */
export async function runCollector(options: RunOptions): Promise<void> {
  const { config, log, until, reload, onStart, onOutcome, clock = systemClock } = options;
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
  let tidy: NodeJS.Timeout | undefined;
  let companion: Companion | undefined;
  const forwarding = new Forwarding(config, journal, log);
  const watch = clockWatch(options, journal, clock);
  const { stateDir, timeZone, history } = config;
  const endHistory = keepHistory({ stateDir, timeZone, retention: { ...NO_BOUND, ...history.retention } }, log);
  try {
    watch.start();
    const collector = new Collector({
      config,
      journal,
      log,
      clock,
      watch,
      ...(options.evidence ? { evidence: options.evidence } : {}),
      onOutcome: (series, outcome) => {
        companion?.tell(series, outcome);
        onOutcome?.(series, outcome);
      },
    });
    collector.start();
    const status = () => ({ ...collector.status(), reload: reloader.last });
    const announcer =
      options.manager &&
      new Announcer({
        manager: options.manager,
        progress: () => collector.progress(),
        sentence: () => statusSentence(status(), readForwardingStatus(journal.runtime.path), Date.now()),
        log,
      });
    const load = reload?.load ?? (() => config);
    const adopt = async (wanted: Config) => companion?.adopt(wanted);
    const reloader = new Reloader({ config, log, load, collector, forwarding, announcer, adopt });
    endStatus = publishStatus(journal.runtime, status);
    log.info({ meters: config.meters.map((meter) => meter.name), stateDir: config.stateDir }, 'collecting');
    companion = options.companion?.(config, journal.runtime.path);
    onStart?.(collector, journal);
    const tidyUp = () => {
      collectNow();
      tidy = setTimeout(tidyUp, untilQuiet(TIDY_AGAIN_MS));
    };
    // V8 would keep what only the start has needed for as long as there is room: 2 MB (measured).
    tidy = setTimeout(tidyUp, untilQuiet(TIDY_MS));
    reload?.requests.listen(() => void reloader.request());
    announcer?.ready();
    await until;
    await announcer?.stopping();
    await reloader.stop();
    await collector.stop();
    log.info('stopped');
  } finally {
    clearTimeout(tidy);
    endStatus();
    watch.stop();
    await Promise.all([companion?.end(), forwarding.end(), endHistory()]);
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
    newestMs: journal.lookUp((reader) => reader.extent().toMs) ?? Number.NEGATIVE_INFINITY,
    log,
    remembered: readClock(directory),
    onChange: (trusted) => {
      journal.setClock(trusted);
      if (trusted) writeClock(directory, trusted);
    },
  });
}
