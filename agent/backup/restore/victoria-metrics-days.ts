import type { ServerLook } from '../../influxdb/victoria-metrics/server-look.ts';
import { DAY_MS, type TimeSpan } from '../../influxdb/victoria-metrics/tallies.ts';
import { AgentError, messageOf } from '../../system/errors.ts';
import type { SnapshotFile } from '../manifest.ts';
import type { SnapshotReader } from '../snapshot-reader.ts';
import { notInSnapshot } from './database-kind.ts';

/** A day of a VictoriaMetrics in a backup: one file, or one of each hour. */
export interface KeptDay {
  name: string;
  fromMs: number;
  files: SnapshotFile[];
}

/** VictoriaMetrics takes samples of up to two days to come. */
const FUTURE_MS = 2 * DAY_MS;
/** A sample has left the server before the day it is of has, and clocks differ. */
const MARGIN_MS = 3_600_000;

/**
 * The days of a VictoriaMetrics in a snapshot, in order.
 * @throws AgentError when it is not in it, or is another kind of server
 */
export function keptDays(snapshot: SnapshotReader, sourceName: string, span: TimeSpan | undefined): KeptDay[] {
  if (!snapshot.file(`${sourceName}/state.json`)) throw notInSnapshot(snapshot, sourceName, 'victoriametrics');
  const days = new Map<string, KeptDay>();
  for (const file of snapshot.files(`${sourceName}/`)) {
    const [, name] = /^(\d{4}-\d\d-\d\d)(?:T\d\d)?$/.exec(file.path.slice(sourceName.length + 1)) ?? [];
    if (name === undefined) continue;
    const fromMs = Date.parse(name);
    if (span && (fromMs + DAY_MS <= span.fromMs || fromMs >= span.toMs)) continue;
    const day = days.get(name) ?? { name, fromMs, files: [] };
    days.set(name, day);
    day.files.push(file);
  }
  for (const { files } of days.values()) files.sort((a, b) => (a.path < b.path ? -1 : 1));
  return [...days.values()].sort((a, b) => a.fromMs - b.fromMs);
}

/** Whose series were backed up. @throws AgentError when that cannot be read */
export async function keptMeasurements(snapshot: SnapshotReader, sourceName: string): Promise<string[]> {
  const file = snapshot.file(`${sourceName}/state.json`);
  try {
    const { measurements } = JSON.parse(file ? (await snapshot.whole(file)).toString() : '') as {
      measurements?: unknown;
    };
    if (Array.isArray(measurements) && measurements.every((name) => typeof name === 'string')) return measurements;
    throw new SyntaxError('it names no measurements');
  } catch (error) {
    if (error instanceof AgentError) throw error;
    throw new AgentError('storage', `${sourceName}/state.json cannot be read: ${messageOf(error)}`, {
      hint: 'use another backup',
    });
  }
}

/**
 * The days that the server would not drop without a word.
 * @param leaveOut go on without those that it would
 * @throws AgentError with a remedy
 */
export function daysItKeeps(
  days: readonly KeptDay[],
  { retention, retentionMs }: ServerLook,
  { url, nowMs, leaveOut }: { url: string; nowMs: number; leaveOut: boolean },
): { kept: KeptDay[]; expired: string[] } {
  const future = days.find(({ fromMs }) => fromMs >= nowMs + FUTURE_MS);
  if (future) {
    throw new AgentError('config', `the backup has readings of ${future.name}, which is in the future here`, {
      hint: 'VictoriaMetrics drops those: set the clock of this machine right',
    });
  }
  if (retentionMs === undefined) return { kept: [...days], expired: [] };
  const oldestMs = nowMs - retentionMs + MARGIN_MS;
  const expired = days.filter(({ fromMs }) => fromMs < oldestMs).map(({ name }) => name);
  const [first] = expired;
  if (first !== undefined && !leaveOut) {
    const years = Math.ceil((nowMs - Date.parse(first)) / (365 * DAY_MS)) + 1;
    throw new AgentError(
      'config',
      `${url} keeps samples for ${spoken(retention ?? '')} and drops older ones without a word: ${expired.length} days of the backup, from ${first} on`,
      { hint: `start it with -retentionPeriod=${years}y or more, or leave those days out` },
    );
  }
  return { kept: days.filter(({ fromMs }) => fromMs >= oldestMs), expired };
}

function spoken(retention: string): string {
  if (retention === '1') return '1 month (-retentionPeriod, its default)';
  return `${/\d$/.test(retention) ? `${retention} months` : retention} (-retentionPeriod)`;
}
