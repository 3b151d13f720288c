import type { ContainerClient, StoragePipelineOptions } from '@azure/storage-blob';
import { AgentError } from '../../system/errors.ts';
import { scrub } from '../../system/scrub.ts';
import type { AzureAddress } from './address.ts';
import type { Try } from './attempts.ts';
import { parseConnectionString } from './connection-string.ts';
import { parseSas, type Sas } from './sas.ts';
import { type ServicePrincipal, TokenSource } from './token.ts';

export type AzureCredential =
  /** A token of a container or an account, with or without `?`, or a URL with it. */
  | { kind: 'sas'; text: string }
  /** As the portal gives it: with an account key, or with a SAS. */
  | { kind: 'connectionString'; text: string }
  | ({ kind: 'servicePrincipal' } & ServicePrincipal);

/** A container, as a credential opens it. */
export interface Access {
  kind: 'sas' | 'key' | 'principal';
  sas?: Sas;
  /** Of one try: a token may have to be fetched for it. @throws AzureFailure */
  container(one: Try): Promise<ContainerClient>;
  /** The credential was refused. */
  refused(): void;
  /** Takes every secret of this credential out of a text. */
  conceal(text: string): string;
}

/** @param ca PEM of authorities to trust instead of the system's @throws AgentError `config` */
export async function accessWith(
  credential: AzureCredential,
  address: AzureAddress,
  ca: string | undefined,
): Promise<Access> {
  if (credential.kind === 'servicePrincipal') return accessOfPrincipal(credential, address, ca);
  if (credential.kind === 'sas') return accessWithSas(parseSas(credential.text, address), address, ca);
  const given = parseConnectionString(credential.text, address);
  if ('sas' in given) return accessWithSas(parseSas(given.sas, address), address, ca);
  const { StorageSharedKeyCredential, ...sdk } = await loadSdk();
  const key = new StorageSharedKeyCredential(given.accountName, given.accountKey);
  const client = new sdk.ContainerClient(address.containerUrl, sdk.newPipeline(key, pipelineOptions(ca)));
  return fixed('key', client, concealer([given.accountKey]));
}

async function accessWithSas(sas: Sas, { containerUrl }: AzureAddress, ca: string | undefined): Promise<Access> {
  const { AnonymousCredential, ContainerClient, newPipeline } = await loadSdk();
  const pipeline = newPipeline(new AnonymousCredential(), pipelineOptions(ca));
  const signature = new URLSearchParams(sas.query).get('sig') ?? '';
  const conceal = concealer([signature, encodeURIComponent(signature)]);
  return { ...fixed('sas', new ContainerClient(`${containerUrl}?${sas.query}`, pipeline), conceal), sas };
}

async function accessOfPrincipal(
  principal: ServicePrincipal,
  { containerUrl }: AzureAddress,
  ca: string | undefined,
): Promise<Access> {
  if (!containerUrl.startsWith('https://')) {
    throw new AgentError('config', `${containerUrl} would get the token of the service principal in the clear`, {
      hint: 'begin it with https://',
    });
  }
  const source = new TokenSource(principal, ca);
  const { ContainerClient, newPipeline } = await loadSdk();
  let current: { token: string; client: ContainerClient } | undefined;
  return {
    kind: 'principal',
    container: async (one) => {
      const token = await source.get(one);
      if (current?.token !== token) {
        // A client each token, which never ends for the SDK: its own renewal fails in the background, unheard by any request.
        const getToken = async () => ({ token, expiresOnTimestamp: Number.MAX_SAFE_INTEGER });
        current = { token, client: new ContainerClient(containerUrl, newPipeline({ getToken }, pipelineOptions(ca))) };
      }
      return current.client;
    },
    refused: () => source.forget(),
    conceal: concealer([principal.clientSecret, encodeURIComponent(principal.clientSecret)]),
  };
}

function fixed(kind: Access['kind'], client: ContainerClient, conceal: Access['conceal']): Access {
  return { kind, container: async () => client, refused: () => {}, conceal };
}

function concealer(secrets: readonly string[]): (text: string) => string {
  return (text) => secrets.reduce((left, secret) => (secret ? left.replaceAll(secret, '***') : left), scrub(text));
}

/** Loaded when a store in Azure is opened, not before: 150 ms, and 19 MB of memory. */
function loadSdk() {
  return import('@azure/storage-blob');
}

/** Retries are our own (attempts.ts); `tlsOptions` is of the pipeline below, whose options are passed on. */
function pipelineOptions(ca: string | undefined): StoragePipelineOptions & { tlsOptions?: { ca: string } } {
  return { retryOptions: { maxTries: 1 }, ...(ca === undefined ? {} : { tlsOptions: { ca } }) };
}
