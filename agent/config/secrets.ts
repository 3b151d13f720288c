import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { AgentError, errnoOf, messageOf } from '../system/errors.ts';

const REASONS: Record<string, string> = {
  ENOENT: 'is not there',
  EACCES: 'cannot be read: no permission',
  EISDIR: 'is a directory',
};

/** @throws AgentError that names the file and what to do about it */
function readNamedFile(path: string, what: string, hint: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    const code = errnoOf(error) === 'EACCES' ? 'permission' : 'config';
    const reason = REASONS[errnoOf(error) ?? ''] ?? `cannot be read: ${messageOf(error)}`;
    throw new AgentError(code, `${what} ${path} ${reason}`, { hint, cause: error });
  }
}

/** Certificate authorities, PEM. @throws AgentError */
export function readAuthorityFile(path: string): string {
  return readNamedFile(path, 'the certificate authority', 'write the certificate of the authority there, as PEM');
}

/**
 * The content of a secret's file, without the line's end. A name without a slash is a systemd credential (LoadCredential=,
 * systemd.exec(5)).
 * @throws AgentError that names the file, never its content
 */
export function readSecretFile(file: string, env: NodeJS.ProcessEnv = process.env): string {
  const path = secretPath(file, env);
  const hint = 'write the secret there, readable for the user of the collector alone (mode 0600)';
  const text = readNamedFile(path, "the secret's file", hint).trim();
  if (text === '') {
    throw new AgentError('config', `the secret's file ${path} is empty`, { hint: 'write the secret into it' });
  }
  return text;
}

function secretPath(file: string, env: NodeJS.ProcessEnv): string {
  if (file.includes('/')) return file;
  if (env.CREDENTIALS_DIRECTORY) return join(env.CREDENTIALS_DIRECTORY, file);
  throw new AgentError('config', `${file} is the name of a systemd credential, and there are none here`, {
    hint: 'write the path of a file, or start as a unit with LoadCredential=',
  });
}
