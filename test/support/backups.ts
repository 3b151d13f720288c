import { generateX25519Identity, identityToRecipient } from 'age-encryption';
import { ageEnvelope, plainEnvelope } from '../../agent/backup/envelope.ts';
import { Repository } from '../../agent/backup/repository.ts';
import { type BackupOptions, runBackup } from '../../agent/backup/run.ts';
import { SnapshotReader } from '../../agent/backup/snapshot-reader.ts';
import { JournalSource } from '../../agent/backup/sources/journal.ts';
import type { Store } from '../../agent/backup/store.ts';
import { silentLog } from './silent-log.ts';

/** Every object, to the last bit. */
export const ALL = { shareOf: () => 1 };

export interface Keys {
  identity: string;
  recipient: string;
}

export async function newKeys(): Promise<Keys> {
  const identity = await generateX25519Identity();
  return { identity, recipient: await identityToRecipient(identity) };
}

/** @param options `sources` are those beside the journal */
export function backUp(stateDir: string, store: Store, options: Partial<BackupOptions> = {}) {
  const sources = [new JournalSource(stateDir, options.nowMs ?? Date.now()), ...(options.sources ?? [])];
  const base = { stateDir, store, recipients: [], host: 'pi', agentVersion: '0.0.0', log: silentLog, pausesMs: [] };
  return runBackup({ ...base, ...options, sources });
}

/** The repository as somebody with the recovery key, or without, sees it. */
export async function openRepository(store: Store, keys?: Keys): Promise<Repository> {
  const config = await Repository.look(store);
  if (!config) throw new Error('no repository');
  const envelope =
    config.recipients.length > 0 ? ageEnvelope(config.recipients, keys ? [keys.identity] : []) : plainEnvelope;
  return new Repository(store, config, envelope);
}

/** The files of a snapshot, with their content, opened with the recovery key. */
export async function contents(repository: Repository, name: string): Promise<Map<string, Buffer>> {
  const snapshot = await SnapshotReader.open(repository, name);
  const files = snapshot.files().map(async (file) => [file.path, await snapshot.whole(file)] as const);
  return new Map(await Promise.all(files));
}
