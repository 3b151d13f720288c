import { AgentError } from '../../system/errors.ts';
import type { SnapshotReader } from '../snapshot-reader.ts';

const BELOW = 'databases/';

export type DatabaseKind = 'influxdb2' | 'influxdb1' | 'victoriametrics';

export const KIND_LABELS: Record<DatabaseKind, string> = {
  influxdb2: 'InfluxDB 2',
  influxdb1: 'InfluxDB 1.8',
  victoriametrics: 'VictoriaMetrics',
};

/** A server whose data a snapshot holds, by its name in `influxdb`. */
export interface KeptDatabase {
  name: string;
  kind: DatabaseKind;
}

export function databasesIn(snapshot: SnapshotReader): KeptDatabase[] {
  const names = new Set(snapshot.files(BELOW).map(({ path }) => path.split('/')[1] ?? ''));
  return [...names].flatMap((name) => {
    const kind = databaseKind(snapshot, `${BELOW}${name}`);
    return kind ? [{ name, kind }] : [];
  });
}

/**
 * Of which kind the server of a source was, by a file that it always writes; undefined where the snapshot has nothing of it.
 * @param sourceName such as `databases/influxdb`
 */
export function databaseKind(snapshot: SnapshotReader, sourceName: string): DatabaseKind | undefined {
  if (snapshot.file(`${sourceName}/buckets.json`)) return 'influxdb2';
  if (snapshot.file(`${sourceName}/state.json`)) return 'victoriametrics';
  return influxdb1Databases(snapshot, sourceName).length > 0 ? 'influxdb1' : undefined;
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
    const message = `${sourceName} of ${label} is of ${KIND_LABELS[kind]}, not of ${KIND_LABELS[wanted]}`;
    return new AgentError('usage', message, { hint: 'restore it into a server of its kind' });
  }
  const all = snapshot.files().map(({ path }) =>
    path
      .split('/')
      .slice(0, path.startsWith(BELOW) ? 2 : 1)
      .join('/'),
  );
  return new AgentError('usage', `${label} has no ${sourceName}`, {
    hint: `it has: ${[...new Set(all)].join(', ') || 'nothing'}; was it configured under another name then?`,
  });
}
