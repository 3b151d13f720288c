import type { DatabaseSync } from 'node:sqlite';
import type { Config, SinkConfig } from '../config/schema.ts';
import { BEGINNING, Cursors } from '../journal/cursors.ts';
import { openForReading, openForWriting } from '../journal/database.ts';
import { firstKeyAt, timeOfKey } from '../journal/keys.ts';
import { Quarantine, type Refused } from '../journal/quarantine.ts';
import { JournalReader } from '../journal/reader.ts';
import { AgentError } from '../system/errors.ts';
import { influxSink } from './influx-sink.ts';

/** @throws AgentError when the configuration has no server of that name */
function sinkNamed(config: Config, name: string): SinkConfig {
  const sink = config.influxdb.find((candidate) => candidate.name === name);
  if (sink) return sink;
  const names = config.influxdb.map((candidate) => candidate.name);
  throw new AgentError('usage', `no server is named ${name}`, {
    hint: names.length === 0 ? 'the configuration has no influxdb' : `there are: ${names.join(', ')}`,
  });
}

function withJournal<T>(stateDir: string, use: (db: DatabaseSync) => T): T {
  // Of a journal that is not there, none is made.
  openForReading(stateDir).close();
  const db = openForWriting(stateDir);
  try {
    return use(db);
  } finally {
    db.close();
  }
}

/** Sets the cursor of a server to a time; a running collector takes it over with its next batch. */
export function rewind(config: Config, name: string, toMs: number): void {
  sinkNamed(config, name);
  withJournal(config.stateDir, (db) => {
    const cursors = new Cursors(db);
    const { late } = cursors.find(name) ?? BEGINNING;
    cursors.set(name, { key: firstKeyAt(toMs) - 1, late });
  });
}

export function listRefused(config: Config, name: string | undefined): Refused[] {
  if (name !== undefined) sinkNamed(config, name);
  const db = openForReading(config.stateDir);
  try {
    return new Quarantine(db).list(name);
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

export function dropRefused(config: Config, name: string | undefined): number {
  if (name !== undefined) sinkNamed(config, name);
  return withJournal(config.stateDir, (db) => new Quarantine(db).clear(name));
}

/** Sends the readings in quarantine again, from the journal, one by one. Ends early when a server is away. */
export async function retryRefused(config: Config, name: string | undefined) {
  const sinks = name === undefined ? config.influxdb : [sinkNamed(config, name)];
  const reader = new JournalReader(config.stateDir);
  const db = openForWriting(config.stateDir);
  const quarantine = new Quarantine(db);
  let taken = 0;
  let problem: { message: string; hint?: string } | undefined;
  try {
    for (const sink of sinks.map(influxSink)) {
      for (const refused of quarantine.list(sink.name, Number.MAX_SAFE_INTEGER)) {
        const reading = reader.byKey(refused.key);
        // Retention may have deleted it meanwhile.
        const outcome = reading ? await sink.write([reading]) : undefined;
        if (outcome?.kind === 'retry' || outcome?.kind === 'hold') {
          problem ??= { message: `${sink.name}: ${outcome.message}`, ...(outcome.hint ? { hint: outcome.hint } : {}) };
          break;
        }
        if (outcome && outcome.kind !== 'written') continue;
        quarantine.remove(refused);
        if (outcome) taken++;
      }
    }
    return { taken, left: quarantine.count(name), problem };
  } finally {
    db.close();
    reader.close();
  }
}
