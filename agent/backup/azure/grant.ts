import { randomBytes } from 'node:crypto';
import { setTimeout as wait } from 'node:timers/promises';
import type { ContainerClient, ContainerGetAccessPolicyResponse, SignedIdentifier } from '@azure/storage-blob';
import { AgentError } from '../../system/errors.ts';
import { type AzureAddress, parseAddress } from './address.ts';
import { attempt } from './attempts.ts';
import { azureError } from './azure-error.ts';
import { type Access, accessWith } from './credential.ts';
import { AzureFailure, codeOf, NONSENSE } from './failure.ts';

/**
 * Rights of machines on a container, each under a stored access policy of its own: it can be renewed and revoked in Azure,
 * whatever became of the SAS that stands under it.
 * https://learn.microsoft.com/rest/api/storageservices/define-stored-access-policy
 */
export interface GrantOptions {
  /** As in the configuration: https://ACCOUNT.blob.core.windows.net/CONTAINER, a prefix may follow. */
  container: string;
  /** With the account's key: a SAS gives no rights to others. */
  connectionString: string;
  /** Certificate authorities to trust instead of the system's, PEM. */
  ca?: string | undefined;
  /** Longest wait of one try of one call; 60 s by default. */
  timeoutMs?: number;
  /** Before the second try; 1 s by default. */
  pauseMs?: number;
}

export interface Grant {
  /** Of the stored access policy. */
  policy: string;
  /** Of the machine; undefined for a policy that somebody else made. */
  machine: string | undefined;
  /** Letters such as `rcl`. */
  rights: string;
  /** UTC ms; undefined for a policy without an end. */
  endsMs: number | undefined;
}

export interface NewGrant extends Grant {
  /** URL of the container with the SAS: the secret itself. */
  sasUrl: string;
  /** There was one of that name, and SAS under it go on with the new rights and the new end. */
  renewed: boolean;
  containerUrl: string;
}

/** With the rest of a policy's name within its 64 characters, and as terraform/ takes it. */
const MACHINE = /^(?=.{1,40}$)[a-z0-9]+(-[a-z0-9]+)*$/;
const POLICY = /^energy-monitor-([a-z0-9-]+)\.[0-9a-f]{8}$/;
/** https://learn.microsoft.com/rest/api/storageservices/set-container-acl */
const MOST_POLICIES = 5;
const DAY_MS = 86_400_000;
/** A SAS that begins now is refused by a server whose clock is behind another's; Microsoft advises 15 min. */
const EARLIER_MS = 15 * 60_000;
const TRIES = 4;

/**
 * Lets a machine read, create and list, and no more unless asked for. Again for the same machine it renews: what stands under
 * the policy stays valid.
 * @throws AgentError without the key or the SAS in it
 */
export async function grant(
  options: GrantOptions,
  machine: string,
  { days, mayDelete = false }: { days: number; mayDelete?: boolean },
): Promise<NewGrant> {
  requireName(machine);
  const rights = mayDelete ? 'rcdl' : 'rcl';
  const place = await openPlace(options);
  let policy = '';
  const { before, serverMs } = await change(place, (policies, now) => {
    // By chance: a SAS whose policy was revoked comes to life again with the next one of the same name.
    policy = policies.find(of(machine))?.id ?? `energy-monitor-${machine}.${randomBytes(4).toString('hex')}`;
    const others = policies.filter(({ id }) => id !== policy);
    if (others.length >= MOST_POLICIES) throw tooMany(place.address, others);
    const [startsOn, expiresOn] = [new Date(now - EARLIER_MS), new Date(now + days * DAY_MS)];
    return [...others, { id: policy, accessPolicy: { startsOn, expiresOn, permissions: rights } }];
  });
  const { containerUrl } = place.address;
  const { SASProtocol } = await import('@azure/storage-blob');
  // Emulators have no TLS; Azure is told to refuse the SAS without it.
  const protocol = containerUrl.startsWith('https:') ? { protocol: SASProtocol.Https } : {};
  const sasUrl = await place.container.generateSasUrl({ identifier: policy, ...protocol });
  const renewed = before.some(of(machine));
  return { policy, machine, rights, endsMs: serverMs + days * DAY_MS, sasUrl, renewed, containerUrl };
}

/**
 * What stands under the machine's policy is refused from then on, also when it is given rights anew.
 * @returns false when there was none
 * @throws AgentError
 */
export async function revoke(options: GrantOptions, machine: string): Promise<boolean> {
  requireName(machine);
  const { before } = await change(await openPlace(options), (policies) => {
    const others = policies.filter((one) => !of(machine)(one));
    return others.length < policies.length ? others : undefined;
  });
  return before.some(of(machine));
}

/** All policies of the container, those of others as well. @throws AgentError */
export async function listGrants(options: GrantOptions): Promise<Grant[]> {
  const { signedIdentifiers } = await read(await openPlace(options));
  return signedIdentifiers.map(({ id, accessPolicy }) => ({
    policy: id,
    machine: POLICY.exec(id)?.[1],
    rights: accessPolicy?.permissions ?? '',
    endsMs: accessPolicy?.expiresOn?.getTime(),
  }));
}

interface Place {
  address: AzureAddress;
  access: Access;
  container: ContainerClient;
  options: GrantOptions;
}

async function openPlace(options: GrantOptions): Promise<Place> {
  const address = parseAddress(options.container);
  const access = await accessWith({ kind: 'connectionString', text: options.connectionString }, address, options.ca);
  if (access.kind !== 'key') {
    throw new AgentError('config', 'the connection string has a SAS, and only the account key gives rights to others', {
      hint: 'take the one with an AccountKey: az storage account show-connection-string gives it',
    });
  }
  const never = { signal: new AbortController().signal, alive: () => {} };
  return { address, access, container: await access.container(never), options };
}

/**
 * Azure takes all policies of a container at once. Those that are there are kept, and what somebody else changed between
 * reading and writing is not overwritten.
 * @param changed undefined to leave all as it is
 */
async function change(
  place: Place,
  changed: (policies: SignedIdentifier[], serverMs: number) => SignedIdentifier[] | undefined,
): Promise<{ before: SignedIdentifier[]; serverMs: number }> {
  for (let n = 1; ; n++) {
    const current = await read(place);
    const before = current.signedIdentifiers;
    // By Azure's clock: this machine may not know the time.
    const serverMs = (current.date ?? new Date()).getTime();
    const after = changed(before, serverMs);
    if (!after) return { before, serverMs };
    const ifUnmodifiedSince = current.lastModified;
    try {
      await call(place, async (abortSignal) => {
        const conditions = ifUnmodifiedSince ? { ifUnmodifiedSince } : {};
        await place.container.setAccessPolicy(current.blobPublicAccess, after, { abortSignal, conditions });
      });
      return { before, serverMs };
    } catch (error) {
      if (n >= TRIES || codeOf((error as Error).cause) !== 'ConditionNotMet') throw error;
    }
  }
}

function read(place: Place): Promise<ContainerGetAccessPolicyResponse> {
  return call(place, async (abortSignal) => {
    const answer = await place.container.getAccessPolicy({ abortSignal });
    if (!answer.requestId) throw new AzureFailure('the answer has no x-ms-request-id', { code: NONSENSE });
    return answer;
  });
}

/** @throws AgentError */
async function call<T>({ address, access, options }: Place, work: (signal: AbortSignal) => Promise<T>): Promise<T> {
  const { timeoutMs = 60_000, pauseMs = 1000 } = options;
  try {
    return await attempt({ timeoutMs, tries: TRIES, pauseMs, random: Math.random, sleep: wait }, ({ signal }) =>
      work(signal),
    );
  } catch (error) {
    throw azureError(error as AzureFailure, { verb: 'put', address, access, nowMs: Date.now() });
  }
}

function of(machine: string): (policy: SignedIdentifier) => boolean {
  return ({ id }) => POLICY.exec(id)?.[1] === machine;
}

function requireName(machine: string): void {
  if (MACHINE.test(machine)) return;
  throw new AgentError('config', `${machine} is no name for a machine`, {
    hint: 'use a-z, 0-9 and single hyphens, at most 40, such as house',
  });
}

function tooMany({ containerUrl }: AzureAddress, others: readonly SignedIdentifier[]): AgentError {
  const names = others.map(({ id }) => id).join(', ');
  return new AgentError('config', `${containerUrl} has ${MOST_POLICIES} policies, all that Azure allows: ${names}`, {
    hint: 'revoke one that is not needed any more, or give the machine a container of its own',
  });
}

const SPELLED: Record<string, string> = { r: 'read', c: 'create', l: 'list', d: 'delete', w: 'write', a: 'add' };

function spell(rights: string): string {
  return [...rights].map((letter) => SPELLED[letter] ?? letter).join(', ') || 'nothing';
}

function dayOf(ms: number | undefined): string {
  return ms === undefined ? 'for ever' : `until ${new Date(ms).toISOString().slice(0, 10)}`;
}

/** What was done; the SAS itself is in the file alone. */
export function grantText({ machine, rights, endsMs, renewed, containerUrl, policy }: NewGrant, out: string): string {
  return `${machine} may ${spell(rights)} in ${containerUrl} ${dayOf(endsMs)} (policy ${policy}${renewed ? ', renewed' : ''})
  the SAS is in ${out}: put it where sasFile of the store names it, readable for the collector's user alone
  Azure can take 30 s to know of it. The SAS itself does not say when it ends: note the day
`;
}

export function revokeText(machine: string, wasThere: boolean): string {
  if (!wasThere) return `${machine} had no rights there\n`;
  return `${machine} is shut out: its SAS is refused from now on (Azure can take 30 s)\n`;
}

export function grantsText(grants: readonly Grant[]): string {
  if (grants.length === 0) return 'nobody has rights under a policy there\n';
  return grants
    .map(({ machine, policy, rights, endsMs }) => `${machine ?? `(${policy})`}: ${spell(rights)}, ${dayOf(endsMs)}\n`)
    .join('');
}
