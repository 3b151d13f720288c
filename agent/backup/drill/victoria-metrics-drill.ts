import type { SinkConfig } from '../../config/schema.ts';
import { sinkAddress } from '../../config/sink-address.ts';
import {
  removeLeftScratchVictoriaMetrics,
  removeScratchVictoriaMetrics,
  restoreVictoriaMetrics,
} from '../restore/victoria-metrics.ts';
import type { SnapshotReader } from '../snapshot-reader.ts';
import type { DatabaseDrill } from './database-drill.ts';
import type { DrillPart } from './part.ts';

/** Restores a VictoriaMetrics under scratch names into itself, compares it with the backup and removes it again. */
export async function drillVictoriaMetrics(
  snapshot: SnapshotReader,
  name: string,
  sink: SinkConfig,
  { options }: DatabaseDrill,
): Promise<DrillPart> {
  const { log, onProgress } = options;
  const server = { address: sinkAddress(sink), timeoutMs: sink.timeout, log };
  await removeLeftScratchVictoriaMetrics(server);
  const { copy, samples, series, compared, damaged, expired } = await restoreVictoriaMetrics({
    ...{ ...server, snapshot, sourceName: name, beside: 'scratch', skipDamaged: true, leaveOutExpired: true },
    onProgress: ({ doneBytes, allBytes }) => onProgress(sink.name, { unit: 'bytes', done: doneBytes, all: allBytes }),
  });
  if (copy) await removeScratchVictoriaMetrics(server, copy);
  const late = expired.length > 0 ? `; ${expired.length} days are older than what the server keeps` : '';
  const done = `restored, ${samples} samples of ${series} series, ${compared} days of series compared with the backup${late}`;
  return { name, done, problems: damaged };
}
