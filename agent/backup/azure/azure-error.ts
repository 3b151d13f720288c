import { AgentError } from '../../system/errors.ts';
import type { AzureAddress } from './address.ts';
import type { Access } from './credential.ts';
import { AzureFailure, isAboutTls } from './failure.ts';
import { MEANINGS, type Meaning } from './meanings.ts';

/** What was to be done, with the letter of a SAS for it. */
export const VERBS = { put: ['write', 'c'], get: ['read', 'r'], list: ['list', 'l'], remove: ['delete', 'd'] } as const;
export type Verb = keyof typeof VERBS;

export interface Circumstances {
  verb: Verb;
  address: AzureAddress;
  access: Pick<Access, 'kind' | 'sas' | 'conceal'>;
  /** UTC ms by this machine's clock. */
  nowMs: number;
}

/** Azure refuses signatures of clocks that are further off (15 min), and a SAS before its start at once. */
const CLOCK_OFF_MS = 5 * 60_000;
const LONGEST_MESSAGE = 300;

/** Answers that mean: this credential is good, and has not this right. */
export const NO_RIGHT = /^(AuthorizationPermissionMismatch|InsufficientAccountPermissions)$/;

/**
 * One sentence for what Azure, the network or the authority said, without a secret in it.
 * https://learn.microsoft.com/rest/api/storageservices/blob-service-error-codes
 */
export function azureError(failure: AzureFailure, circumstances: Circumstances): AgentError {
  const { address, access, verb } = circumstances;
  // Shortened last: half a secret would not be known for one. A new one, since the stack of an error repeats its message.
  const cause = new AzureFailure(access.conceal(failure.message).slice(0, LONGEST_MESSAGE), failure);
  const meaning =
    refusal(cause, circumstances) ??
    (NO_RIGHT.test(cause.code) ? withoutRight(verb, access) : undefined) ??
    MEANINGS.get(cause.code.startsWith('HPE_') ? 'NONSENSE' : cause.code) ??
    other(cause);
  const { code, reason, hint, retryable = false } = meaning;
  const host = cause.host ?? new URL(address.endpoint).host;
  const sentence = `backup container ${address.containerUrl} cannot be used: ${reason.replace('HOST', host)}`;
  return new AgentError(code, sentence, { hint, retryable, cause });
}

/** The credential itself is refused: why is worth finding out, Azure says the same of all of it. */
function refusal({ code, status, serverMs }: AzureFailure, { access, nowMs }: Circumstances): Meaning | undefined {
  const isRefused =
    /^(AuthenticationFailed|AuthorizationFailure|InvalidAuthenticationInfo|NoAuthenticationInformation)$/.test(code);
  if (!isRefused && status !== 401) return undefined;
  if (code.startsWith('AADSTS')) return undefined;
  const refused = (reason: string, hint: string, retryable = false): Meaning => ({
    code: 'permission',
    reason,
    hint,
    retryable,
  });
  const { sas, kind } = access;
  const offMs = serverMs === undefined ? 0 : nowMs - serverMs;
  if (sas?.endsMs !== undefined && sas.endsMs <= (serverMs ?? nowMs)) {
    return refused(`the SAS ended at ${iso(sas.endsMs)}`, 'make a new one, and put it into the place of the old one');
  }
  if (Math.abs(offMs) > CLOCK_OFF_MS) {
    const clock = `the clock of this machine is ${durationOf(Math.abs(offMs))} ${offMs < 0 ? 'slow' : 'fast'}`;
    return refused(`the credential is refused, and ${clock}`, 'set the clock: timedatectl shows whether it is', true);
  }
  if (sas?.startsMs !== undefined && sas.startsMs > (serverMs ?? nowMs)) {
    return refused(`the SAS is only valid from ${iso(sas.startsMs)} on`, 'wait, or make one without a start', true);
  }
  if (sas?.policy !== undefined) {
    return refused(
      `the SAS under the stored access policy ${sas.policy} is refused`,
      'the policy was revoked or has ended, or the account key was renewed; make a new policy and SAS',
    );
  }
  // Azure says so of its firewall, Azurite of all of this.
  const wall = code === 'AuthorizationFailure' ? ", or the account's firewall keeps this address out" : '';
  const renewed = `the account key was renewed, or it is of another place${wall}`;
  if (sas) return refused('the SAS is refused', `${renewed}; make a new one`);
  if (kind === 'key') return refused('the account key is refused', `${renewed}; copy the connection string anew`);
  return refused(
    'the token of the service principal is refused',
    `it is for another tenant than the account${wall}; correct tenantId`,
  );
}

function withoutRight(verb: Verb, { kind, sas }: Circumstances['access']): Meaning {
  const [word, letter] = VERBS[verb];
  const reason = `the credential may not ${word} there`;
  const hint = {
    sas: `make a SAS with the right ${letter}${sas?.rights === undefined ? '' : ` (this one has sp=${sas.rights})`}`,
    key: 'look at the locks and policies of the account',
    principal: 'give it the role Storage Blob Data Contributor on the container, which can take ten minutes to count',
  }[kind];
  if (verb !== 'remove') return { code: 'permission', reason, hint };
  return { code: 'permission', reason, hint: `prune with a credential that may delete: ${hint}` };
}

function other({ code, status, message }: AzureFailure): Meaning {
  const unavailable = { code: 'unavailable', retryable: true, hint: 'the next backup tries again' } as const;
  if (isAboutTls(code)) {
    const hint = code === 'EPROTO' ? 'is the URL right, with https?' : 'is the URL right, and nothing between?';
    return { code: 'config', reason: `TLS with HOST fails (${message})`, hint };
  }
  if (status === undefined) return { ...unavailable, reason: message };
  if (status === 408 || status === 429 || status >= 500) {
    return { ...unavailable, reason: `HOST is busy or broken (${code})` };
  }
  return {
    code: status === 403 || code.startsWith('AADSTS') ? 'permission' : 'unavailable',
    reason: `it refuses with ${code}: ${message}`,
    hint: 'the code is explained at https://learn.microsoft.com/rest/api/storageservices/blob-service-error-codes',
  };
}

function iso(ms: number): string {
  return new Date(ms).toISOString().replace('.000Z', 'Z');
}

function durationOf(ms: number): string {
  const minutes = Math.round(ms / 60_000);
  if (minutes < 120) return `${minutes} min`;
  return minutes < 2880 ? `${Math.round(minutes / 60)} h` : `${Math.round(minutes / 1440)} days`;
}
