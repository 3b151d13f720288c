import { AgentError } from '../../system/errors.ts';
import type { AzureAddress } from './address.ts';

export type ConnectionString = { accountName: string; accountKey: string } | { sas: string };

/** Public: every emulator has it. https://learn.microsoft.com/azure/storage/common/storage-connect-azurite */
const EMULATOR = {
  accountName: 'devstoreaccount1',
  accountKey: 'Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw==',
};

/**
 * @param text `Name=value;Name=value`, as the portal gives it
 * @param address whose account it has to be of
 * @throws AgentError `config` that repeats no value but the account's name
 */
export function parseConnectionString(text: string, address: AzureAddress): ConnectionString {
  const fields = new Map<string, string>();
  for (const part of text.trim().split(';')) {
    const at = part.indexOf('=');
    if (at > 0) fields.set(part.slice(0, at).trim().toLowerCase(), part.slice(at + 1).trim());
  }
  const endpoint = fields.get('blobendpoint')?.replace(/\/+$/, '');
  if (endpoint !== undefined && endpoint !== address.endpoint) {
    throw new AgentError('config', `the connection string is not for ${address.endpoint}`, {
      hint: 'its BlobEndpoint and the URL have to agree',
    });
  }
  if (fields.get('usedevelopmentstorage')?.toLowerCase() === 'true') return requireAccount(EMULATOR, address);
  const sas = fields.get('sharedaccesssignature');
  if (sas) return { sas };
  const accountName = fields.get('accountname');
  const accountKey = fields.get('accountkey');
  if (!accountName || !accountKey) {
    throw new AgentError('config', 'the connection string for the backups in Azure has no AccountKey and no SAS', {
      hint: 'copy all of it: az storage account show-connection-string, or the portal under Access keys',
    });
  }
  return requireAccount({ accountName, accountKey }, address);
}

function requireAccount<T extends { accountName: string }>(given: T, { account }: AzureAddress): T {
  if (given.accountName === account) return given;
  throw new AgentError('config', `the connection string is of account ${given.accountName}, the URL of ${account}`, {
    hint: 'take the connection string of that account, or correct the URL',
  });
}
