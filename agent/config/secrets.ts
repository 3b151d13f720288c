import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { AgentError } from '../system/errors.ts';
import { readNamedFile } from '../system/named-file.ts';
import { requirePrivateFile } from '../system/private-file.ts';

/** Certificate authorities, PEM. @throws AgentError */
export function readAuthorityFile(path: string): string {
  return readNamedFile(path, 'the certificate authority', 'write the certificate of the authority there, as PEM');
}

/**
 * The secret that a `tokenFile` of the configuration names.
 * @throws AgentError that names the file, never its content
 */
export function readSecretFile(file: string, env: NodeJS.ProcessEnv = process.env): string {
  return requirePrivateFile(secretPath(file, env));
}

/** Where root keeps credentials: those of the collector's servers, then those that the backups' units alone get. */
const KEPT = '/etc/energy-monitor/credentials:/etc/energy-monitor/backup-credentials';
/** LoadCredential=ID:DIRECTORY calls each file in it ID_FILE (systemd.exec(5)); these are the IDs of systemd/. */
const GIVEN_AS = ['', 'collector_', 'backup_'];

/**
 * Where a secret of the configuration is: at a path, or without a slash a credential (systemd.exec(5)). A unit gets it by
 * LoadCredential=; who is no unit looks where root keeps it.
 * @throws AgentError where there is none of that name
 */
export function secretPath(file: string, env: NodeJS.ProcessEnv = process.env): string {
  if (file.includes('/')) return file;
  const { CREDENTIALS_DIRECTORY: given } = env;
  const places = given ? GIVEN_AS.map((prefix) => join(given, `${prefix}${file}`)) : keptPlaces(file, env);
  const found = places.find((path) => existsSync(path));
  if (found !== undefined) return found;
  const [place = ''] = keptPlaces(file, env);
  throw new AgentError(
    'config',
    `there is no credential ${file}${given ? ' for this unit' : ', or no right to see it'}`,
    {
      hint: `write the secret into ${place}, readable for root alone, and ${given ? 'start the unit again' : 'run this with sudo'}; or name the path of a file`,
    },
  );
}

/**
 * Where a credential is to be written, and which directory has the secrets that the collector does not get.
 * @returns undefined for a path, and on a machine without a place for credentials
 */
export function keptCredential(
  file: string | undefined,
  env: NodeJS.ProcessEnv = process.env,
): { path: string; others: string } | undefined {
  if (file === undefined || file.includes('/')) return undefined;
  const directories = keptDirectories(env);
  const [first, others = first] = directories;
  if (first === undefined || others === undefined || !existsSync(first)) return undefined;
  const paths = directories.map((directory) => join(directory, file));
  return { path: paths.find((path) => existsSync(path)) ?? join(first, file), others };
}

const keptDirectories = (env: NodeJS.ProcessEnv) => (env.ENERGY_MONITOR_CREDENTIALS ?? KEPT).split(':');
const keptPlaces = (file: string, env: NodeJS.ProcessEnv) =>
  keptDirectories(env).map((directory) => join(directory, file));
