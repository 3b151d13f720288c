import { isIP } from 'node:net';
import { AgentError } from '../../system/errors.ts';

/** Where a repository lies in Azure. */
export interface AzureAddress {
  account: string;
  /** Of the account, without a slash at its end. */
  endpoint: string;
  container: string;
  /** Of the container, without a query. */
  containerUrl: string;
  /** What names begin with: empty, or with a slash at its end. */
  prefix: string;
}

const EXAMPLE = 'https://ACCOUNT.blob.core.windows.net/CONTAINER';
/** https://learn.microsoft.com/rest/api/storageservices/naming-and-referencing-containers--blobs--and-metadata */
const CONTAINER = /^(?=.{3,63}$)[a-z0-9]+(-[a-z0-9]+)*$/;

/**
 * @param text https://ACCOUNT.blob.core.windows.net/CONTAINER[/PREFIX], or http://HOST:PORT/ACCOUNT/CONTAINER[/PREFIX] for
 * an emulator
 * @throws AgentError `config`; what follows a question mark is never repeated
 */
export function parseAddress(text: string): AzureAddress {
  let url: URL;
  try {
    url = new URL(text.trim());
  } catch {
    throw new AgentError('config', 'the address of the backups in Azure is no URL', { hint: `write it as ${EXAMPLE}` });
  }
  const shown = `${url.protocol}//${url.host}${url.pathname}`;
  if (!/^https?:$/.test(url.protocol)) throw mistake(shown, 'is no address of the web', `write it as ${EXAMPLE}`);
  if (url.username || url.password || url.search || url.hash) {
    throw mistake(shown, 'is followed by more than an address', 'keep the SAS in a file of its own');
  }
  const [first = '', ...others] = partsOf(url.pathname, shown);
  const emulated = isPathStyle(url);
  if (url.protocol === 'http:' && !emulated) {
    throw mistake(shown, 'would send the credential in the clear', 'begin it with https://');
  }
  const account = emulated ? first : (url.hostname.split('.')[0] ?? '');
  const [container, ...prefix] = emulated ? others : [first, ...others];
  if (!container) throw mistake(shown, 'names no container', `write it as ${EXAMPLE}`);
  if (!CONTAINER.test(container)) {
    throw mistake(shown, `has a container named ${container}`, 'Azure takes 3 to 63 of a-z, 0-9 and single hyphens');
  }
  const endpoint = emulated ? `${url.origin}/${account}` : url.origin;
  return {
    account,
    endpoint,
    container,
    containerUrl: `${endpoint}/${container}`,
    prefix: prefix.length > 0 ? `${prefix.join('/')}/` : '',
  };
}

function partsOf(path: string, shown: string): string[] {
  const parts = path.split('/').filter((part) => part !== '');
  try {
    return parts.map(decodeURIComponent);
  } catch {
    throw mistake(shown, 'has a percent sign that encodes nothing', `write it as ${EXAMPLE}`);
  }
}

/** Emulators have the account in the path; Azure has it in the host's name, and no port of its own. */
function isPathStyle(url: URL): boolean {
  return isIP(url.hostname.replace(/^\[|\]$/g, '')) !== 0 || !url.hostname.includes('.') || url.port !== '';
}

function mistake(shown: string, what: string, hint: string): AgentError {
  return new AgentError('config', `${shown} ${what}`, { hint });
}
