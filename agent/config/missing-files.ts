import { existsSync } from 'node:fs';
import type { Config } from './schema.ts';

/** Files that a configuration names and that are not there, as on a machine that it was not written on. */
export function missingFiles({ influxdb, backup }: Config): string[] {
  const stores = (backup?.stores ?? []).flatMap((store) =>
    'azure' in store ? [store.sasFile, store.connectionStringFile, store.servicePrincipal?.secretFile] : [],
  );
  const named = [
    ...influxdb.flatMap(({ tokenFile, caFile }) => [tokenFile, caFile]),
    ...stores,
    backup?.drill?.identityFile,
    ...(backup?.databases ?? []).flatMap(({ operatorTokenFile, influxd }) => [operatorTokenFile, influxd]),
  ];
  // A name without a slash is a credential of systemd.
  const paths = named.flatMap((path) => (path?.includes('/') ? [path] : []));
  return [...new Set(paths)].filter((path) => !existsSync(path));
}
