import { existsSync } from 'node:fs';
import type { DatabaseSync } from 'node:sqlite';
import type { Config, SinkConfig } from '../config/schema.ts';
import { BEGINNING, Cursors } from '../journal/cursors.ts';
import { journalPath, openForReading, openForWriting, storageError } from '../journal/database.ts';
import { firstKeyAt, timeOfKey } from '../journal/keys.ts';
import { Quarantine, type Refused } from '../journal/quarantine.ts';
import { AgentError } from '../system/errors.ts';
import { influxWriter } from './influx-sink.ts';
import { lanesOf } from './lanes.ts';

/** @throws AgentError when the configuration has no server of that name */
function sinkNamed(config: Config, name: string): SinkConfig {
  const sink = config.influxdb.find((candidate) => candidate.name === name);
  if (sink) return sink;
  const names = config.influxdb.map((candidate) => candidate.name);
  throw new AgentError('usage', `no server is named ${name}`, {
    hint: names.length === 0 ? 'the configuration has no influxdb' : `there are: ${names.join(', ')}`,
  });
}

/** The lanes of one server, or of all. */
function lanes(config: Config, name: string | undefined) {
  const sinks = name === undefined ? config.influxdb : [sinkNamed(config, name)];
  return sinks.flatMap((sink) => lanesOf(sink).map((lane) => ({ sink, lane })));
}

function withJournal<T>(stateDir: string, use: (db: DatabaseSync) => T): T {
  // Of a journal that is not there, none is made.
  openForReading(stateDir).close();
  const db = openForWriting(stateDir);
  try {
    return use(db);
  } catch (error) {
    throw storageError(journalPath(stateDir), error);
  } finally {
    db.close();
  }
}

/**
 * Sets the cursors of a server to a time; a running collector takes them over with its next batch.
 * @throws AgentError `usage` for a time to come: everything until then would be left out
 */
export function rewind(config: Config, name: string, toMs: number, nowMs = Date.now()): void {
  const consumers = lanes(config, name).map(({ lane }) => lane.consumer);
  if (toMs > nowMs) {
    throw new AgentError('usage', `${new Date(toMs).toISOString()} has not come yet`, {
      hint: 'name a time in the past: readings from there on are sent again',
    });
  }
  withJournal(config.stateDir, (db) => {
    const cursors = new Cursors(db);
    for (const consumer of consumers) {
      const { late } = cursors.find(consumer) ?? BEGINNING;
      cursors.set(consumer, { key: Math.max(0, firstKeyAt(toMs) - 1), late });
    }
  });
}

/**
 * Lets a server get everything from a time on again: what it has taken of an earlier time stays taken, and what it has not
 * taken yet stays to come. A running collector goes on from there with its next batch. Without a journal there is nothing.
 */
export function sendAgain(config: Config, name: string, fromMs: number): void {
  const consumers = lanes(config, name).map(({ lane }) => lane.consumer);
  if (!existsSync(journalPath(config.stateDir))) return;
  withJournal(config.stateDir, (db) => {
    const cursors = new Cursors(db);
    for (const consumer of consumers) {
      const cursor = cursors.find(consumer);
      // One that has taken nothing begins at the beginning.
      if (cursor) cursors.set(consumer, { ...cursor, key: Math.min(cursor.key, Math.max(0, firstKeyAt(fromMs) - 1)) });
    }
  });
}

/** At most 1000 of each server, oldest first. */
export function listRefused(config: Config, name: string | undefined): Refused[] {
  const found = lanes(config, name);
  const db = openForReading(config.stateDir);
  try {
    const quarantine = new Quarantine(db);
    return found.flatMap(({ lane }) => quarantine.list(lane.consumer));
  } catch (error) {
    throw storageError(journalPath(config.stateDir), error);
  } finally {
    db.close();
  }
}

export function refusedText(refused: readonly Refused[]): string {
  if (refused.length === 0) return 'nothing is in quarantine\n';
  return refused
    .map(
      ({ consumer, key, line, reason }) =>
        `${new Date(timeOfKey(key)).toISOString()} ${consumer}: ${reason}\n  ${line}\n`,
    )
    .join('');
}

/** @returns how many there were */
export function dropRefused(config: Config, name: string | undefined): number {
  const found = lanes(config, name);
  return withJournal(config.stateDir, (db) => {
    const quarantine = new Quarantine(db);
    return found.reduce((sum, { lane }) => sum + quarantine.clear(lane.consumer), 0);
  });
}

/** Sends what is in quarantine again, one by one; what the server takes now leaves it. Ends early when a server is away. */
export async function retryRefused(config: Config, name: string | undefined) {
  const found = lanes(config, name);
  openForReading(config.stateDir).close();
  const db = openForWriting(config.stateDir);
  const quarantine = new Quarantine(db);
  let taken = 0;
  let problem: { message: string; hint?: string } | undefined;
  try {
    for (const { sink, lane } of found) {
      const writer = influxWriter(sink, lane);
      for (const refused of quarantine.list(lane.consumer, Number.MAX_SAFE_INTEGER)) {
        const outcome = await writer.write([refused.line]);
        if (outcome.kind === 'retry' || outcome.kind === 'hold') {
          problem ??= { message: `${sink.name}: ${outcome.message}`, ...(outcome.hint ? { hint: outcome.hint } : {}) };
          break;
        }
        if (outcome.kind !== 'written' || outcome.refused !== undefined) continue;
        quarantine.remove(refused);
        taken++;
      }
      writer.close();
    }
    const left = found.reduce((sum, { lane }) => sum + quarantine.count(lane.consumer), 0);
    return { taken, left, problem };
  } catch (error) {
    throw storageError(journalPath(config.stateDir), error);
  } finally {
    db.close();
  }
}
