import { BEGINNING } from '../../agent/journal/cursors.ts';
import { Feed } from '../../agent/journal/feed.ts';
import { Journal } from '../../agent/journal/journal.ts';
import type { JournalOptions } from '../../agent/journal/options.ts';
import { JournalReader } from '../../agent/journal/reader.ts';
import { silentLog } from './silent-log.ts';

export const ALL = { fromMs: 0, toMs: Number.MAX_SAFE_INTEGER };

/** A journal that flushes when the test says so. */
export function open(stateDir: string, options: Partial<JournalOptions> = {}): Journal {
  return Journal.open({ stateDir, flushIntervalMs: 3_600_000, log: silentLog, ...options });
}

/** All that a reader sees, and what a consumer would get. */
export function readAll(stateDir: string) {
  const reader = new JournalReader(stateDir);
  const feed = new Feed(stateDir);
  try {
    return {
      readings: reader.readings(ALL),
      gaps: reader.gaps(ALL),
      durable: feed.after(BEGINNING, 1_000_000).deliveries.map(({ reading }) => reading),
    };
  } finally {
    feed.close();
    reader.close();
  }
}

export const timesOf = (taken: { reading: { timeMs: number } }[]) => taken.map(({ reading }) => reading.timeMs / 1000);
