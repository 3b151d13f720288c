import { onTestFinished } from 'vitest';
import { parseConfig } from '../../agent/config/load.ts';
import type { SinkConfig } from '../../agent/config/schema.ts';
import { runForwarding } from '../../agent/forwarding/run.ts';
import { Journal } from '../../agent/journal/journal.ts';
import { JournalReader } from '../../agent/journal/reader.ts';
import type { Logger } from '../../agent/system/logging.ts';
import { DECIMALS, readingAt } from './readings.ts';
import { silentLog } from './silent-log.ts';
import { temporaryDirectory } from './temporary.ts';

export const QUICK_BACKOFF = { firstMs: 5, longestMs: 40 };

/** An entry of `influxdb` as the configuration gives it, with all defaults. */
export function sinkConfig(entry: Record<string, unknown>): SinkConfig {
  const meters = [{ name: 'house', model: 'we-515', connection: { serial: '/dev/ttyUSB0' } }];
  const [sink] = parseConfig(JSON.stringify({ meters, influxdb: entry }), 'test.yaml').influxdb;
  if (!sink) throw new Error('no sink');
  return { ...sink, batchInterval: 10 };
}

export function fillJournal(stateDir: string, seconds: readonly number[]): void {
  const journal = Journal.open({ stateDir, flushIntervalMs: 3_600_000, log: silentLog });
  for (const second of seconds) journal.append(readingAt(second * 1000), DECIMALS);
  journal.close();
}

export const secondsFrom = (first: number, count: number) => Array.from({ length: count }, (_, i) => first + i);

/** Every value of the journal, by `measurement_field meter time`: what a server has to hold, no more and no less. */
export function journalPoints(stateDir: string): Map<string, number> {
  const reader = new JournalReader(stateDir);
  const points = new Map<string, number>();
  for (const { series, timeMs, values } of reader.each({ fromMs: 0, toMs: Number.MAX_SAFE_INTEGER })) {
    for (const [name, value] of Object.entries(values)) {
      points.set(`${series.measurement}_${name} ${series.meter} ${timeMs}`, value);
    }
  }
  reader.close();
  return points;
}

/** The forwarding of a collector, in this process; stopped when the test ends. */
export function forward(
  stateDir: string,
  sinks: SinkConfig[],
  options: { runtimeDirectory?: string; log?: Logger } = {},
): { stop: () => Promise<void> } {
  const stop = new AbortController();
  const runtimeDirectory = options.runtimeDirectory ?? temporaryDirectory();
  const running = runForwarding(
    { stateDir, runtimeDirectory, sinks, backoff: QUICK_BACKOFF },
    options.log ?? silentLog,
    stop.signal,
  );
  const end = async () => {
    stop.abort();
    await running;
  };
  onTestFinished(end);
  return { stop: end };
}
