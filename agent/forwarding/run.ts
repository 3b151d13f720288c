import { renameSync, writeFileSync } from 'node:fs';
import type { DatabaseSync } from 'node:sqlite';
import { setTimeout as sleep } from 'node:timers/promises';
import type { SinkConfig } from '../config/schema.ts';
import { Cursors } from '../journal/cursors.ts';
import { journalFile, openForWriting } from '../journal/database.ts';
import { Feed } from '../journal/feed.ts';
import { Quarantine } from '../journal/quarantine.ts';
import { messageOf } from '../system/errors.ts';
import type { Logger } from '../system/logging.ts';
import type { BackoffOptions } from './backoff.ts';
import { CursorKeeper } from './cursor-keeper.ts';
import { statusPath } from './forward-status.ts';
import { Forwarder } from './forwarder.ts';
import { influxSink } from './influx-sink.ts';
import { lanesOf } from './lanes.ts';

export interface ForwardingOptions {
  stateDir: string;
  /** Memory-backed directory of the collector. */
  runtimeDirectory: string;
  sinks: SinkConfig[];
  backoff?: BackoffOptions;
}

const STATUS_EVERY_MS = 1000;
const LOOK_EVERY_MS = 1000;
const RESTART_MS = 10_000;

/** Forwards to all sinks, each on its own, until the signal aborts; when another file takes the journal's place, from that. */
export async function runForwarding(options: ForwardingOptions, log: Logger, signal: AbortSignal): Promise<void> {
  while (!signal.aborted) {
    const file = journalFile(options.stateDir);
    const replaced = new AbortController();
    const timer = setInterval(() => {
      if (journalFile(options.stateDir) !== file) replaced.abort();
    }, LOOK_EVERY_MS);
    try {
      await forwardFrom(options, log, AbortSignal.any([signal, replaced.signal]));
    } finally {
      clearInterval(timer);
    }
    if (!signal.aborted) log.info('the journal is another file now: forwarding goes on from there');
  }
}

async function forwardFrom(options: ForwardingOptions, log: Logger, signal: AbortSignal): Promise<void> {
  const { stateDir, runtimeDirectory } = options;
  const db = openForWriting(stateDir);
  const feeds: Feed[] = [];
  try {
    const forwarders = forwardersOf(options, db, feeds, log);
    const publish = () => {
      const path = statusPath(runtimeDirectory);
      try {
        writeFileSync(`${path}.new`, JSON.stringify({ updatedMs: Date.now(), sinks: forwarders.map((f) => f.status) }));
        renameSync(`${path}.new`, path);
      } catch {
        // A status that cannot be written must not hold up the readings.
      }
    };
    const timer = setInterval(publish, STATUS_EVERY_MS);
    try {
      await Promise.all(forwarders.map((forwarder) => forEver(forwarder, log, signal)));
    } finally {
      clearInterval(timer);
      publish();
    }
  } finally {
    for (const feed of feeds) feed.close();
    db.close();
  }
}

/** @param feeds to be closed */
function forwardersOf(options: ForwardingOptions, db: DatabaseSync, feeds: Feed[], log: Logger): Forwarder[] {
  const { stateDir, runtimeDirectory } = options;
  const quarantine = new Quarantine(db);
  const lanes = options.sinks.flatMap((config) => lanesOf(config).map((lane) => ({ config, lane })));
  const onDamaged = (key: number, error: unknown) =>
    log.error({ key, reason: messageOf(error) }, 'a reading in the journal cannot be read; it is left out');
  return lanes.map(({ config, lane }) => {
    const { consumer, wants } = lane;
    const feed = new Feed(stateDir, { wants, onDamaged });
    feeds.push(feed);
    return new Forwarder({
      sink: influxSink(config, lane),
      feed,
      cursor: new CursorKeeper({ consumer, cursors: new Cursors(db), runtimeDirectory, log }),
      quarantine: (refused) => quarantine.add(refused),
      log,
      batchIntervalMs: config.batchInterval,
      batchSize: config.batchSize,
      ...(options.backoff ? { backoff: options.backoff } : {}),
    });
  });
}

/** What stops one forwarder (a damaged page, a full disk when something has to go into quarantine) is no reason to end. */
async function forEver(forwarder: Forwarder, log: Logger, signal: AbortSignal): Promise<void> {
  while (!signal.aborted) {
    try {
      await forwarder.run(signal);
    } catch (error) {
      const message = messageOf(error);
      forwarder.status.problem = { kind: 'retry', message, hint: undefined, sinceMs: Date.now() };
      log.error({ err: error, sink: forwarder.status.name }, 'forwarding failed; it is tried again');
      await sleep(RESTART_MS, undefined, { signal }).catch(() => {});
    }
  }
}
