/** A mistake that lies between two entries. */
export interface Clash {
  path: PropertyKey[];
  message: string;
}

/**
 * Stores with one name or one place, and databases that name no server.
 * @param backup raw content of the key
 * @param sinkNames of `influxdb`
 */
export function backupClashes(backup: unknown, sinkNames: readonly unknown[]): Clash[] {
  if (!isRecord(backup)) return [];
  return [
    ...doubles(listOf(backup.stores), 'stores', nameOf, 'is named', 'give each store a name of its own'),
    ...doubles(listOf(backup.stores), 'stores', placeOf, 'is in', 'give each store a place of its own'),
    ...doubles(listOf(backup.databases), 'databases', sinkOf, 'is of', 'name each server once'),
    ...listOf(backup.databases).flatMap((database, i): Clash[] => {
      const sink = sinkOf(database);
      if (sink === undefined || sinkNames.includes(sink)) return [];
      const known = sinkNames.length > 0 ? `name one of ${sinkNames.join(', ')}` : 'there is none in influxdb';
      return [{ path: ['backup', 'databases', i, 'sink'], message: `is ${JSON.stringify(sink)}; ${known}` }];
    }),
  ];
}

function doubles(
  entries: readonly unknown[],
  key: string,
  textOf: (entry: unknown) => string | undefined,
  verb: string,
  remedy: string,
): Clash[] {
  const seen = new Map<string, number>();
  return entries.flatMap((entry, i): Clash[] => {
    const value = textOf(entry);
    if (value === undefined) return [];
    const first = seen.get(value);
    seen.set(value, first ?? i);
    if (first === undefined) return [];
    const message = `${verb} ${JSON.stringify(value)}, as is backup.${key}[${first}]; ${remedy}`;
    return [{ path: ['backup', key, i], message }];
  });
}

function nameOf(store: unknown): string | undefined {
  if (!isRecord(store)) return undefined;
  if (typeof store.name === 'string') return store.name;
  return 'azure' in store ? 'azure' : 'directory' in store ? 'directory' : undefined;
}

function placeOf(store: unknown): string | undefined {
  const place = isRecord(store) ? (store.directory ?? store.azure) : undefined;
  return typeof place === 'string' ? place.replace(/\/+$/, '') : undefined;
}

function sinkOf(database: unknown): string | undefined {
  if (!isRecord(database)) return undefined;
  const sink = database.sink ?? 'influxdb';
  return typeof sink === 'string' ? sink : undefined;
}

function listOf(value: unknown): unknown[] {
  return Array.isArray(value) ? value : [];
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
