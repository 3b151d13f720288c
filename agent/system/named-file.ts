import { readFileSync } from 'node:fs';
import { AgentError, errnoOf, messageOf } from './errors.ts';

const REASONS: Record<string, string> = {
  ENOENT: 'is not there',
  EACCES: 'cannot be read: no permission',
  EISDIR: 'is a directory',
  ENOTDIR: 'cannot be read: a part of its path is no directory',
};

/**
 * The text of a file that a person named.
 * @param what the file is, as the sentence begins
 * @throws AgentError `config`, or `permission`, that names the file and never its content
 */
export function readNamedFile(path: string, what: string, hint: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    const code = errnoOf(error) === 'EACCES' ? 'permission' : 'config';
    const reason = REASONS[errnoOf(error) ?? ''] ?? `cannot be read: ${messageOf(error)}`;
    throw new AgentError(code, `${what} ${path} ${reason}`, { hint, cause: error });
  }
}
