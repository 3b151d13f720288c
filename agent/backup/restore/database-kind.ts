import type { SnapshotReader } from '../snapshot-reader.ts';

const BELOW = 'databases/';

/** By a file that its source always writes. */
const MARKS = {
  'buckets.json': 'influxdb2',
  'backup.json': 'influxdb1',
  'state.json': 'victoriametrics',
} as const;

export type DatabaseKind = (typeof MARKS)[keyof typeof MARKS];

export const KIND_LABELS: Record<DatabaseKind, string> = {
  influxdb2: 'InfluxDB 2',
  influxdb1: 'InfluxDB 1.8',
  victoriametrics: 'VictoriaMetrics',
};

/** Those whose data a command brings back; database.ts has its way for each. */
const RESTORABLE: readonly DatabaseKind[] = ['influxdb2'];

export const isRestorable = (kind: DatabaseKind): boolean => RESTORABLE.includes(kind);

/** A server whose data a snapshot holds, by its name in `influxdb`. */
export interface KeptDatabase {
  name: string;
  kind: DatabaseKind;
}

export function databasesIn(snapshot: SnapshotReader): KeptDatabase[] {
  return snapshot.files(BELOW).flatMap(({ path }) => {
    const [name = '', file = '', ...more] = path.slice(BELOW.length).split('/');
    return more.length === 0 && isMark(file) ? [{ name, kind: MARKS[file] }] : [];
  });
}

const isMark = (file: string): file is keyof typeof MARKS => Object.hasOwn(MARKS, file);
