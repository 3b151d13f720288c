import type { Logger } from '../system/logging.ts';
import type { ServiceManager } from '../system/service-manager.ts';

/** How long ago a loop had an outcome, and how long it may take; monotonic. */
export interface Progress {
  meter: string;
  sinceMs: number;
  allowedMs: number;
}

export interface WatchdogOptions {
  manager: ServiceManager;
  progress: () => readonly Progress[];
  /** For `systemctl status`. */
  sentence: () => string;
  log: Logger;
}

/** Without a watchdog only the sentence is told, so often. */
const SENTENCE_MS = 20_000;
/** Three chances within the time that systemd gives. */
const CHANCES = 3;

/**
 * Tells systemd that the service goes on, as long as each meter's loop does: a process whose loops stand still is as good as
 * none, and is started anew. A meter that does not answer is no reason: its loop notes gaps.
 * @returns what ends it
 */
export function feedWatchdog({ manager, progress, sentence, log }: WatchdogOptions): () => void {
  const told = new Set<string>();
  const feed = () => {
    const stuck = progress().filter(({ sinceMs, allowedMs }) => sinceMs > allowedMs);
    for (const { meter, sinceMs } of stuck) {
      if (told.has(meter)) continue;
      told.add(meter);
      log.error(
        `the loop of ${meter} has stood still for ${Math.round(sinceMs / 1000)} s: systemd is to start this anew`,
      );
    }
    const STATUS = sentence();
    manager.tell(stuck.length === 0 ? { WATCHDOG: '1', STATUS } : { STATUS });
  };
  feed();
  const everyMs = manager.watchdogMs === undefined ? SENTENCE_MS : manager.watchdogMs / CHANCES;
  const timer = setInterval(feed, everyMs);
  return () => clearInterval(timer);
}
