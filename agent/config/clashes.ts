import { backupClashes, type Clash } from './backup-clashes.ts';
import { meterClashes } from './meter-clashes.ts';
import type { Models } from './models.ts';

/** Mistakes that lie between two entries; looked for in the raw content, so that they show beside all the others. */
export function findClashes(content: unknown, models: Models): Clash[] {
  const { meters, influxdb, backup }: Record<string, unknown> = isRecord(content) ? content : {};
  return [...meterClashes(meters, models), ...sinkClashes(influxdb), ...backupClashes(backup, sinkNames(influxdb))];
}

function sinkNames(influxdb: unknown): unknown[] {
  const entries: unknown[] = influxdb === undefined ? [] : [influxdb].flat();
  return entries.map((entry) => (isRecord(entry) ? (entry.name ?? 'influxdb') : undefined));
}

function sinkClashes(influxdb: unknown): Clash[] {
  const clashes: Clash[] = [];
  const names = new Map<unknown, number>();
  const entries: unknown[] = Array.isArray(influxdb) ? influxdb : [influxdb];
  entries.forEach((entry, i) => {
    if (!isRecord(entry)) return;
    const at: PropertyKey[] = Array.isArray(influxdb) ? ['influxdb', i] : ['influxdb'];
    const name = entry.name ?? 'influxdb';
    const first = names.get(name);
    if (first !== undefined) {
      clashes.push({
        path: [...at, ...('name' in entry ? ['name'] : [])],
        message: `is named ${JSON.stringify(name)}, as is influxdb[${first}]; give each server a name of its own`,
      });
    } else names.set(name, i);
    if (entry.token !== undefined && entry.tokenFile !== undefined) {
      clashes.push({ path: [...at, 'token'], message: 'stands beside tokenFile; keep one of both' });
    }
  });
  return clashes;
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
