import type { SinkConfig } from '../../config/schema.ts';
import { sinkAddress } from '../../config/sink-address.ts';
import { AgentError } from '../../system/errors.ts';
import type { SnapshotReader } from '../snapshot-reader.ts';
import type { DatabaseRestoreOptions } from './database.ts';
import { DatabaseNote } from './database-note.ts';
import { SENT_BEFORE_MS } from './influxdb2-place.ts';
import { restoreVictoriaMetrics, type VictoriaMetricsRestoreReport } from './victoria-metrics.ts';

/** A server's data as a backup of ours holds them. */
export interface KeptData {
  snapshot: SnapshotReader;
  /** Which backup, for a person. */
  label: string;
  /** UTC ms by the clock of the machine that made it. */
  createdMs: number;
}

export interface VictoriaMetricsReport {
  kind: 'victoriametrics';
  label: string;
  createdMs: number;
  restored: VictoriaMetricsRestoreReport;
  /** UTC ms: what the journal has from then on is sent again; undefined beside the live data. */
  sentAgainFromMs: number | undefined;
}

/**
 * Brings the VictoriaMetrics of a backup back: beside the live series, or with `swap` among them, where what is there stays.
 * @throws AgentError with a remedy
 */
export async function bringVictoriaMetrics(
  options: DatabaseRestoreOptions,
  sink: SinkConfig,
  { snapshot, label, createdMs }: KeptData,
): Promise<VictoriaMetricsReport> {
  const { config, bucket, toBucket, swap, full, influxBackup, skipDamaged, leaveOutExpired, log, onProgress } = options;
  if (full || bucket !== undefined || influxBackup !== undefined) {
    throw new AgentError('usage', `${sink.name} of the backup is a VictoriaMetrics, which has no buckets`, {
      hint: 'it is restored as a whole: beside the live data, or with --swap among them',
    });
  }
  const restored = await restoreVictoriaMetrics({
    ...{ snapshot, sourceName: `databases/${sink.name}`, address: sinkAddress(sink), timeoutMs: sink.timeout, log },
    beside: swap ? undefined : { label: toBucket ?? `${sink.name}-restored` },
    skipDamaged,
    ...(leaveOutExpired === undefined ? {} : { leaveOutExpired }),
    onProgress: ({ doneBytes, allBytes }) => onProgress?.(sink.name, { doneBytes, allBytes }),
  });
  const report: VictoriaMetricsReport = {
    kind: 'victoriametrics',
    label,
    createdMs,
    restored,
    sentAgainFromMs: undefined,
  };
  if (!swap) return report;
  report.sentAgainFromMs = Math.max(0, createdMs - SENT_BEFORE_MS);
  options.sendAgain(report.sentAgainFromMs);
  DatabaseNote.done(config.stateDir, sink.name);
  return report;
}
