import type { BackupConfig, StoreConfig } from '../config/backup-schema.ts';
import { readSecretFile } from '../config/secrets.ts';
import { storeName } from '../config/store-name.ts';
import { AgentError } from '../system/errors.ts';
import type { Owner } from '../system/owner.ts';
import { limitBandwidth } from './bandwidth.ts';
import { DirectoryStore } from './directory-store.ts';
import type { RetentionPolicy } from './retention.ts';
import type { Store } from './store.ts';
import { writeOnly } from './write-only.ts';

export function recipientsOf({ recipient }: BackupConfig): string[] {
  return [recipient ?? []].flat();
}

/** By kind: a disk beside the Pi holds the last hours, the cloud the years. */
const DEFAULT_POLICIES: Record<'directory' | 'azure', RetentionPolicy> = {
  directory: { keepLast: 10 },
  azure: { keepHourly: 48, keepDaily: 30, keepWeekly: 26, keepMonthly: 120, keepWithinMs: 2 * 86_400_000 },
};

export function policyOf(config: StoreConfig): RetentionPolicy {
  const { keepLast, keepHourly, keepDaily, keepWeekly, keepMonthly, keepWithin } = config;
  const given = { keepLast, keepHourly, keepDaily, keepWeekly, keepMonthly, keepWithinMs: keepWithin };
  const isGiven = Object.values(given).some((value) => value !== undefined);
  return isGiven ? given : DEFAULT_POLICIES['azure' in config ? 'azure' : 'directory'];
}

/** Stores of the configuration, disks first: a cloud that is slow or away holds up no other. */
export function storesOf({ stores }: BackupConfig, name?: string): StoreConfig[] {
  const found = stores.filter((store) => name === undefined || storeName(store) === name);
  if (found.length === 0) {
    throw new AgentError('usage', `there is no store ${name} in the configuration`, {
      hint: `there is ${stores.map(storeName).join(', ')}`,
    });
  }
  return found.sort((a, b) => Number('azure' in a) - Number('azure' in b));
}

/** The one store of the configuration, or the one that was named. @throws AgentError `usage` when it is not clear which */
export function storeOf(backup: BackupConfig, name: string | undefined): StoreConfig {
  const [first, second] = storesOf(backup, name);
  if (first && !second) return first;
  throw new AgentError('usage', 'there are several stores in the configuration', {
    hint: `name one of them: ${backup.stores.map((store) => `--store ${storeName(store)}`).join(', ')}`,
  });
}

/**
 * @param purpose only a store that is written to is made where it is not there
 * @param owner who gets what is made in a directory, where root makes it
 * @throws AgentError when it cannot be used, never with a secret
 */
export async function openStore(config: StoreConfig, purpose: 'look' | 'write', owner?: Owner): Promise<Store> {
  const store = await openKind(config, purpose, owner);
  const limited = config.bandwidth === undefined ? store : limitBandwidth(store, config.bandwidth);
  return config.writeOnly ? writeOnly(limited) : limited;
}

async function openKind(config: StoreConfig, purpose: 'look' | 'write', owner: Owner | undefined): Promise<Store> {
  if ('directory' in config) {
    return purpose === 'write' ? DirectoryStore.open(config.directory, owner) : DirectoryStore.at(config.directory);
  }
  const { openAzureStore } = await import('./azure/azure-store.ts');
  const { sasFile, connectionStringFile, servicePrincipal } = config;
  if (servicePrincipal) {
    const { tenant, client, secretFile } = servicePrincipal;
    const clientSecret = readSecretFile(secretFile);
    const credential = { kind: 'servicePrincipal' as const, tenantId: tenant, clientId: client, clientSecret };
    return openAzureStore({ url: config.azure, credential });
  }
  const kind = sasFile === undefined ? 'connectionString' : 'sas';
  const text = readSecretFile(sasFile ?? connectionStringFile ?? '');
  return openAzureStore({ url: config.azure, credential: { kind, text } });
}
