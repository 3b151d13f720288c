import { existsSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { isTablePath } from './models.ts';
import type { Config } from './schema.ts';

/**
 * Files that a configuration names and that are not there, as on a machine that it was not written on.
 * @param configFile where it stands: register tables are named from there
 */
export function missingFiles({ influxdb, backup, meters, web }: Config, configFile: string): string[] {
  const stores = (backup?.stores ?? []).flatMap((store) =>
    'azure' in store ? [store.sasFile, store.connectionStringFile, store.servicePrincipal?.secretFile] : [],
  );
  const named = [
    ...influxdb.flatMap(({ tokenFile, caFile }) => [tokenFile, caFile]),
    ...stores,
    backup?.drill?.identityFile,
    web.tls?.certificateFile,
    web.tls?.keyFile,
    ...(backup?.databases ?? []).flatMap(({ operatorTokenFile, influxd }) => [operatorTokenFile, influxd]),
  ];
  // A name without a slash is a credential of systemd.
  const paths = named.flatMap((path) => (path?.includes('/') ? [path] : []));
  const tables = meters.flatMap(({ model }) => (isTablePath(model) ? [resolve(dirname(configFile), model)] : []));
  return [...new Set([...paths, ...tables])].filter((path) => !existsSync(path));
}
