import { AgentError } from '../system/errors.ts';
import { readNamedFile } from '../system/named-file.ts';
import { ageEnvelope, plainEnvelope } from './envelope.ts';
import { type Memory, recall } from './memory.ts';
import { Repository } from './repository.ts';
import type { Store } from './store.ts';

/**
 * An existing repository, for looking at it; nothing is written.
 * @param identityFile a file with the recovery key, as age takes it
 * @throws AgentError when there is none yet, or the file holds no key
 */
export async function openExisting(
  store: Store,
  stateDir: string,
  identityFile?: string,
): Promise<{ repository: Repository; memory: Memory }> {
  const found = await Repository.look(store);
  if (!found) {
    throw new AgentError('storage', `there is no backup in ${store.label}`, {
      hint: 'is the disk mounted? Otherwise make one: energy-monitor backup run',
    });
  }
  const identities = identityFile === undefined ? [] : identitiesIn(identityFile);
  const envelope = found.recipients.length > 0 ? ageEnvelope(found.recipients, identities) : plainEnvelope;
  return { repository: new Repository(store, found, envelope), memory: recall(stateDir, found.id) };
}

/** The keys of an age identity file: lines; those with # are comments. */
function identitiesIn(path: string): string[] {
  const text = readNamedFile(path, 'the recovery key', 'name the file that backup keygen told you to keep');
  const keys = text
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => line !== '' && !line.startsWith('#'));
  if (keys.length === 0 || !keys.every((key) => key.startsWith('AGE-SECRET-KEY-'))) {
    throw new AgentError('config', `${path} holds no recovery key`, {
      hint: 'it has a line that begins with AGE-SECRET-KEY-',
    });
  }
  return keys;
}
