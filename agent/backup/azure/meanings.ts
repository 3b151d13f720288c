import type { ErrorCode } from '../../system/errors.ts';

/** What a code means to a person: `HOST` stands for who said it. */
export interface Meaning {
  code: ErrorCode;
  reason: string;
  hint: string;
  retryable?: boolean;
}

const NETWORK = 'look at the network and the URL; backups go on when it is back';
const NEW_SECRET = 'make a new client secret in Entra, and put it into the file';
const CLOCK = 'set the clock: timedatectl shows whether it is';
const OTHER_TENANT = 'correct tenantId: az account show tells it';

/** A person has to change something. */
const settled = (code: ErrorCode, reason: string, hint: string): Meaning => ({ code, reason, hint });
/** It can be over with the next backup. */
const passing = (reason: string, hint = NETWORK): Meaning => ({ code: 'unavailable', reason, hint, retryable: true });

const NO_CONTAINER = settled(
  'config',
  'there is no such container',
  'make it (terraform/, or az storage container create), or correct the URL',
);
const NOT_FOR_BLOBS = settled(
  'permission',
  'the SAS is not for blobs of a container',
  'make one of the container, or with ss=b and srt=co',
);
const NO_TENANT = settled('config', 'there is no such tenant', OTHER_TENANT);
const DAMAGED = passing(
  'what goes there and back is damaged on its way',
  'look at the network: a proxy, a cable, the memory of this machine',
);
const BREAKS_OFF = passing('the connection breaks off');
const NO_WAY = passing('there is no way through the network');
const CLOCK_AND_CERTIFICATE = passing('the certificate of HOST is not valid by the clock of this machine', CLOCK);

/**
 * By the names of Azure, of Entra, of Node, and our own (failure.ts).
 * https://learn.microsoft.com/rest/api/storageservices/blob-service-error-codes
 * https://learn.microsoft.com/entra/identity-platform/reference-error-codes
 */
export const MEANINGS: ReadonlyMap<string, Meaning> = new Map(
  Object.entries({
    ContainerNotFound: NO_CONTAINER,
    ResourceNotFound: NO_CONTAINER,
    ContainerBeingDeleted: passing('the container is being deleted', 'wait some minutes, and make it anew'),
    AccountIsDisabled: settled(
      'permission',
      'the storage account is disabled',
      'look at it in the portal: its subscription may have ended',
    ),
    AuthorizationSourceIPMismatch: settled(
      'permission',
      'the SAS is for other IP addresses',
      'make one without an IP range',
    ),
    AuthorizationProtocolMismatch: settled('config', 'the SAS is for https only', 'begin the URL with https://'),
    AuthorizationServiceMismatch: NOT_FOR_BLOBS,
    AuthorizationResourceTypeMismatch: NOT_FOR_BLOBS,
    KeyBasedAuthenticationNotPermitted: settled(
      'permission',
      'the account takes no keys',
      'use a service principal, or allow shared keys on the account',
    ),
    BlobArchived: settled(
      'storage',
      'a blob of the backups is in the archive tier',
      'set its tier to Hot, which takes hours',
    ),
    BlobImmutableDueToPolicy: settled(
      'permission',
      'a policy keeps what is there from being deleted',
      'prune when its days are over',
    ),
    AADSTS7000215: settled('permission', 'the client secret of the service principal is wrong', NEW_SECRET),
    AADSTS7000222: settled('permission', 'the client secret of the service principal has ended', NEW_SECRET),
    AADSTS7000112: settled(
      'permission',
      'the service principal is disabled',
      'enable it in Entra under Enterprise applications',
    ),
    AADSTS700016: settled('config', 'there is no such service principal in the tenant', 'correct clientId or tenantId'),
    AADSTS90002: NO_TENANT,
    AADSTS900023: NO_TENANT,
    Md5Mismatch: DAMAGED,
    CORRUPT: DAMAGED,
    NONSENSE: passing(
      'what answers at HOST is not Azure',
      'correct the URL, or look for what answers in its place: a proxy, the login page of a network',
    ),
    ENOTFOUND: passing('there is no HOST', 'correct the name of the account, or look at the network'),
    EAI_AGAIN: passing('names cannot be resolved'),
    ECONNREFUSED: passing('nothing listens at HOST'),
    ENETUNREACH: NO_WAY,
    EHOSTUNREACH: NO_WAY,
    ECONNRESET: BREAKS_OFF,
    EPIPE: BREAKS_OFF,
    REQUEST_SEND_ERROR: BREAKS_OFF,
    BROKEN: BREAKS_OFF,
    CERT_NOT_YET_VALID: CLOCK_AND_CERTIFICATE,
    CERT_HAS_EXPIRED: CLOCK_AND_CERTIFICATE,
  }),
);
