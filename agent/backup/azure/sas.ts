import { AgentError } from '../../system/errors.ts';
import { type AzureAddress, parseAddress } from './address.ts';

/**
 * A shared access signature: a right that is written down and signed.
 * https://learn.microsoft.com/rest/api/storageservices/create-service-sas
 */
export interface Sas {
  /** The signed query, without a question mark: the secret itself. */
  query: string;
  /** UTC ms; undefined where a stored access policy says it. */
  startsMs: number | undefined;
  endsMs: number | undefined;
  /** Letters such as `rcl`; undefined where a stored access policy says it. */
  rights: string | undefined;
  /** Name of the stored access policy that it stands under. */
  policy: string | undefined;
}

/**
 * @param text as the portal gives it: the token, with or without `?`, or a URL with it
 * @param address where it is to be used; a URL has to agree
 * @throws AgentError `config` that repeats nothing of it
 */
export function parseSas(text: string, address: AzureAddress): Sas {
  const trimmed = text.trim();
  const mark = trimmed.indexOf('?');
  const query = trimmed.slice(mark + 1);
  const fields = new URLSearchParams(query);
  if (/\s/.test(trimmed) || !fields.get('sig') || !fields.get('sv')) {
    throw new AgentError('config', 'the SAS for the backups in Azure is not whole: no signature is in it', {
      hint: 'copy all of the SAS token, one line, as the portal or az storage container generate-sas gives it',
    });
  }
  if (mark > 0) requireSamePlace(trimmed.slice(0, mark), address);
  if (fields.get('sr') === 'b') {
    throw new AgentError('config', 'the SAS for the backups in Azure is for a single blob (sr=b)', {
      hint: 'make one for the container (sr=c)',
    });
  }
  return {
    query,
    startsMs: timeOf(fields.get('st')),
    endsMs: timeOf(fields.get('se')),
    rights: fields.get('sp') ?? undefined,
    policy: fields.get('si') ?? undefined,
  };
}

function requireSamePlace(text: string, { containerUrl, endpoint, account, container }: AzureAddress): void {
  // A SAS of the whole account comes with the account's URL.
  if (text.replace(/\/+$/, '') === endpoint) return;
  const other = parseAddress(text);
  if (other.containerUrl === containerUrl) return;
  const what = other.account === account ? `container ${other.container}, not` : `account ${other.account}, not`;
  throw new AgentError(
    'config',
    `the SAS for ${containerUrl} is one of ${what} ${other.account === account ? container : account}`,
    {
      hint: 'take the SAS of that container, or correct the URL',
    },
  );
}

/** UTC ms of an ISO 8601 time as Azure allows it, also without seconds, or a date alone. */
function timeOf(text: string | null): number | undefined {
  const ms = Date.parse(text ?? '');
  return Number.isNaN(ms) ? undefined : ms;
}
