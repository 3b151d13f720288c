import { AgentError } from '../system/errors.ts';
import { ageEnvelope, plainEnvelope } from './envelope.ts';
import { recallPlace, rememberPlace } from './memory.ts';
import { Repository } from './repository.ts';
import type { BackupOptions } from './run.ts';

/**
 * The repository of the store; made in an empty one. What a store says decides nothing about encryption: only the
 * configuration does.
 * @throws AgentError when it is for other keys, or not the one that was there the last time
 */
export async function openForBackup({
  stateDir,
  store,
  recipients,
  anew = false,
}: Pick<BackupOptions, 'stateDir' | 'store' | 'recipients' | 'anew'>): Promise<Repository> {
  const envelope = recipients.length > 0 ? ageEnvelope(recipients) : plainEnvelope;
  const before = recallPlace(stateDir, store.label);
  const found = await Repository.look(store);
  if (before !== undefined && found?.id !== before && !anew) {
    throw new AgentError(
      'storage',
      `${store.label} ${found ? 'has another repository than' : 'has no repository any more, as'} at the last backup`,
      {
        hint: 'is the disk mounted? To begin anew there: energy-monitor backup run --new',
      },
    );
  }
  const config = found ?? (await Repository.create(store, recipients));
  if ([...config.recipients].sort().join() !== [...recipients].sort().join()) {
    const asked = recipients.length > 0 ? 'another key' : 'no encryption';
    throw new AgentError(
      'config',
      `${store.label} is ${config.recipients.length > 0 ? 'encrypted for its own key' : 'not encrypted'}, and the configuration asks for ${asked}`,
      {
        hint: 'give another key another place; the old backups stay as they are',
      },
    );
  }
  rememberPlace(stateDir, store.label, config.id);
  return new Repository(store, config, envelope);
}
