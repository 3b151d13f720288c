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

/**
 * Where a secret of the configuration is: at a path, or without a slash a systemd credential (LoadCredential=,
 * systemd.exec(5)).
 * @throws AgentError where there are no credentials
 */
export function secretPath(file: string, env: NodeJS.ProcessEnv = process.env): string {
  if (file.includes('/')) return file;
  if (env.CREDENTIALS_DIRECTORY) return join(env.CREDENTIALS_DIRECTORY, file);
  throw new AgentError('config', `${file} is the name of a systemd credential, and there are none here`, {
    hint: 'write the path of a file, or start as a unit with LoadCredential=',
  });
}
