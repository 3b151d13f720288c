import { AgentError } from '../../system/errors.ts';
import type { SnapshotReader } from '../snapshot-reader.ts';

export type DatabaseKind = 'InfluxDB 2' | 'InfluxDB 1.8' | 'VictoriaMetrics';

/** Of which kind the server of a source was; undefined where the snapshot has nothing of it. */
export function databaseKind(snapshot: SnapshotReader, sourceName: string): DatabaseKind | undefined {
  if (snapshot.file(`${sourceName}/buckets.json`)) return 'InfluxDB 2';
  if (snapshot.file(`${sourceName}/state.json`)) return 'VictoriaMetrics';
  return influxdb1Databases(snapshot, sourceName).length > 0 ? 'InfluxDB 1.8' : undefined;
}

/** Names of the databases of an InfluxDB 1.8 in a snapshot. */
export function influxdb1Databases(snapshot: SnapshotReader, sourceName: string): string[] {
  return snapshot.files(`${sourceName}/`).flatMap(({ path }) => {
    const [, directory] = /^([^/]+)\/backup\.json$/.exec(path.slice(sourceName.length + 1)) ?? [];
    return directory === undefined ? [] : decodeURIComponent(directory);
  });
}

/** Why a source cannot be restored as that. */
export function notInSnapshot(snapshot: SnapshotReader, sourceName: string, wanted: DatabaseKind): AgentError {
  const label = `backup ${snapshot.manifest.sequence}`;
  const missing = snapshot.details.missing?.find(({ source }) => source === sourceName);
  if (missing) {
    return new AgentError(
      'storage',
      `${label} is without ${sourceName}, which could not be read then: ${missing.reason}`,
      { hint: 'use an older backup' },
    );
  }
  const kind = databaseKind(snapshot, sourceName);
  if (kind) {
    return new AgentError('usage', `${sourceName} of ${label} is an ${kind}, no ${wanted}`.replace('an V', 'a V'), {
      hint: 'restore it into a server of its kind',
    });
  }
  const all = snapshot.files('databases/').map(({ path }) => path.split('/').slice(0, 2).join('/'));
  return new AgentError('usage', `${label} has no ${sourceName}`, {
    hint: `it has: ${[...new Set(all)].join(', ') || 'no databases'}; was it configured under another name then?`,
  });
}
