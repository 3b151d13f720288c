import { AgentError, type ErrorCode } from '../../system/errors.ts';
import type { AzureAddress } from './address.ts';
import type { Access } from './credential.ts';
import { AzureFailure, isAboutTls } from './failure.ts';

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

interface Meaning {
  code: ErrorCode;
  reason: string;
  hint: string;
  retryable?: boolean;
}

/** Azure refuses signatures of clocks that are further off (15 min), and a SAS before its start at once. */
const CLOCK_OFF_MS = 5 * 60_000;

/** Answers that mean: this credential is good, and has not this right. */
export const NO_RIGHT = /^(AuthorizationPermissionMismatch|InsufficientAccountPermissions)$/;

/**
 * One sentence for what Azure, the network or the authority said, without a secret in it.
 * https://learn.microsoft.com/rest/api/storageservices/blob-service-error-codes
 */
export function azureError(failure: AzureFailure, circumstances: Circumstances): AgentError {
  const { address, access } = circumstances;
  const {
    code,
    reason,
    hint,
    retryable = false,
  } = refusal(failure, circumstances) ?? named(failure, circumstances) ?? other(failure, circumstances);
  // The stack of an error repeats its message.
  const cause = new AzureFailure(access.conceal(failure.message), failure);
  const sentence = `backup container ${address.containerUrl} cannot be used: ${reason}`;
  return new AgentError(code, access.conceal(sentence), { hint: access.conceal(hint), retryable, cause });
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

const NETWORK = 'look at the network and the URL; backups go on when it is back';

/** By Azure's, Entra's and Node's own names. */
function named({ code, message, host: failed }: AzureFailure, circumstances: Circumstances): Meaning | undefined {
  const { address, access, verb } = circumstances;
  if (NO_RIGHT.test(code)) return withoutRight(verb, access);
  const host = failed ?? new URL(address.endpoint).host;
  const permission = (reason: string, hint: string): Meaning => ({ code: 'permission', reason, hint });
  const config = (reason: string, hint: string): Meaning => ({ code: 'config', reason, hint });
  const unavailable = (reason: string, hint = NETWORK): Meaning => ({
    code: 'unavailable',
    reason,
    hint,
    retryable: true,
  });
  const secret = (reason: string) => permission(reason, 'make a new client secret in Entra, and put it into the file');
  switch (code) {
    case 'ContainerNotFound':
    case 'ResourceNotFound':
      return config(
        'there is no such container',
        'make it (terraform/, or az storage container create), or correct the URL',
      );
    case 'ContainerBeingDeleted':
      return unavailable('the container is being deleted', 'wait some minutes, and make it anew');
    case 'AccountIsDisabled':
      return permission('the storage account is disabled', 'look at it in the portal: its subscription may have ended');
    case 'AuthorizationSourceIPMismatch':
      return permission('the SAS is for other IP addresses', 'make one without an IP range');
    case 'AuthorizationProtocolMismatch':
      return config('the SAS is for https only', 'begin the URL with https://');
    case 'AuthorizationServiceMismatch':
    case 'AuthorizationResourceTypeMismatch':
      return permission(
        'the SAS is not for blobs of a container',
        'make one of the container, or with ss=b and srt=co',
      );
    case 'KeyBasedAuthenticationNotPermitted':
      return permission('the account takes no keys', 'use a service principal, or allow shared keys on the account');
    case 'BlobArchived':
      return {
        code: 'storage',
        reason: 'a blob of the backups is in the archive tier',
        hint: 'set its tier to Hot; that takes hours',
      };
    case 'BlobImmutableDueToPolicy':
      return permission(
        'a policy keeps what is there from being deleted',
        'wait until its days are over, or prune later',
      );
    case 'AADSTS7000215':
      return secret('the client secret of the service principal is wrong');
    case 'AADSTS7000222':
      return secret('the client secret of the service principal has ended');
    case 'AADSTS700016':
      return config('there is no such service principal in the tenant', 'correct clientId or tenantId');
    case 'AADSTS90002':
    case 'AADSTS900023':
      return config('there is no such tenant', 'correct tenantId: az account show tells it');
    case 'AADSTS7000112':
      return permission('the service principal is disabled', 'enable it in Entra under Enterprise applications');
    case 'Md5Mismatch':
    case 'CORRUPT':
      return unavailable(
        'what goes there and back is damaged on its way',
        'look at the network: a proxy, a cable, the memory of this machine',
      );
    case 'ENOTFOUND':
      return unavailable(`there is no ${host}`, 'correct the name of the account, or look at the network');
    case 'EAI_AGAIN':
      return unavailable('names cannot be resolved');
    case 'ECONNREFUSED':
      return unavailable(`nothing listens at ${host}`);
    case 'ENETUNREACH':
    case 'EHOSTUNREACH':
      return unavailable('there is no way through the network');
    case 'ECONNRESET':
    case 'EPIPE':
    case 'BROKEN':
    case 'REQUEST_SEND_ERROR':
      return unavailable('the connection breaks off');
    case 'TIMEOUT':
      return unavailable(message);
    case 'CERT_NOT_YET_VALID':
    case 'CERT_HAS_EXPIRED':
      return unavailable(
        `the certificate there is not valid by the clock of this machine (${code})`,
        'set the clock: timedatectl shows whether it is',
      );
    default:
      return undefined;
  }
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

function other({ code, status, message, host: failed }: AzureFailure, { address }: Circumstances): Meaning {
  const host = failed ?? new URL(address.endpoint).host;
  if (code === 'NONSENSE' || code.startsWith('HPE_')) {
    const hint = 'correct the URL, or look for what answers in its place: a proxy, the login page of a network';
    return { code: 'unavailable', reason: `what answers at ${host} is not Azure`, hint, retryable: true };
  }
  if (isAboutTls(code)) {
    const hint =
      code === 'EPROTO' ? 'is the URL right, with https?' : 'is the URL right, and nothing between that opens TLS?';
    return { code: 'config', reason: `TLS with ${host} fails (${message})`, hint };
  }
  if (status === undefined) return { code: 'unavailable', reason: message, hint: NETWORK, retryable: true };
  if (status === 408 || status === 429 || status >= 500) {
    return {
      code: 'unavailable',
      reason: `${host} is busy or broken (${code})`,
      hint: 'the next backup tries again',
      retryable: true,
    };
  }
  const isPermission = status === 403 || code.startsWith('AADSTS');
  return {
    code: isPermission ? 'permission' : 'unavailable',
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
