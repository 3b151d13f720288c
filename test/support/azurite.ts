import { type ChildProcess, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import {
  type BlobSASSignatureValues,
  BlobServiceClient,
  type ContainerClient,
  ContainerSASPermissions,
  generateBlobSASQueryParameters,
  newPipeline,
  type StoragePipelineOptions,
  StorageSharedKeyCredential,
} from '@azure/storage-blob';
import { afterAll, beforeAll, beforeEach, type TestContext } from 'vitest';
import { REPOSITORY } from './child.ts';
import { skipOrFail } from './requires.ts';

const PROGRAM = join(REPOSITORY, 'test/azurite/node_modules/azurite/dist/src/blob/main.js');

/** Azurite is a project of its own, in test/azurite: its 457 packages are nothing for a Pi. */
export function requireAzurite(context: TestContext): void {
  if (!existsSync(PROGRAM)) skipOrFail(context, 'azurite');
}

export interface AzuriteOptions {
  /** Serve TLS, and take bearer tokens, whose signature is not looked at. */
  tls?: { cert: string; key: string; ca: string };
}

/** Microsoft's emulator of Azure Blob storage, in memory, with an account of its own. */
export class Azurite {
  readonly url: string;
  readonly account: string;
  readonly key: string;
  readonly #child: ChildProcess;
  readonly #service: BlobServiceClient;
  readonly #credential: StorageSharedKeyCredential;

  private constructor(child: ChildProcess, url: string, account: string, key: string, ca: string | undefined) {
    this.#child = child;
    this.url = url;
    this.account = account;
    this.key = key;
    this.#credential = new StorageSharedKeyCredential(account, key);
    const options: StoragePipelineOptions & { tlsOptions: { ca?: string } } = { tlsOptions: ca ? { ca } : {} };
    this.#service = new BlobServiceClient(`${url}/${account}`, newPipeline(this.#credential, options));
  }

  static async start({ tls }: AzuriteOptions = {}): Promise<Azurite> {
    const account = `account${randomBytes(4).toString('hex')}`;
    const key = randomBytes(32).toString('base64');
    const quiet = ['--inMemoryPersistence', '--silent', '--disableTelemetry', '--skipApiVersionCheck'];
    const place = ['--blobHost', '127.0.0.1', '--blobPort', '0'];
    const secure = tls ? ['--cert', tls.cert, '--key', tls.key, '--oauth', 'basic'] : [];
    const child = spawn(process.execPath, [PROGRAM, ...quiet, ...place, ...secure], {
      stdio: ['ignore', 'pipe', 'pipe'],
      env: { ...process.env, AZURITE_ACCOUNTS: `${account}:${key}` },
    });
    return new Azurite(child, await printedUrl(child), account, key, tls?.ca);
  }

  async stop(): Promise<void> {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return;
    const ended = new Promise((resolve) => this.#child.once('exit', resolve));
    this.#child.kill('SIGKILL');
    await ended;
  }

  /** An empty container of a new name, as its owner has it. */
  async container(): Promise<ContainerClient> {
    const container = this.#service.getContainerClient(`test-${randomBytes(6).toString('hex')}`);
    await container.create();
    return container;
  }

  /** @param at the proxy in front, if there is one */
  urlOf(container: ContainerClient, at = this.url): string {
    return `${at}/${this.account}/${container.containerName}`;
  }

  /** The query of a SAS for a container, without `?`. @param permissions such as `rcl`; none under a policy */
  sas(container: ContainerClient, permissions: string | undefined, more: Partial<BlobSASSignatureValues> = {}): string {
    const rights =
      permissions === undefined
        ? {}
        : { permissions: ContainerSASPermissions.parse(permissions), expiresOn: new Date(Date.now() + 3_600_000) };
    const values = { containerName: container.containerName, ...rights, ...more };
    return generateBlobSASQueryParameters(values, this.#credential).toString();
  }

  /** Gives the container this stored access policy; none revokes what stands under it. */
  async setPolicy(container: ContainerClient, id: string, permissions: string | undefined): Promise<void> {
    const accessPolicy = {
      startsOn: new Date(Date.now() - 60_000),
      expiresOn: new Date(Date.now() + 3_600_000),
      permissions: permissions ?? '',
    };
    await container.setAccessPolicy(undefined, permissions === undefined ? [] : [{ id, accessPolicy }]);
  }

  /** With the account's key. */
  connectionString(at = this.url): string {
    return `DefaultEndpointsProtocol=http;AccountName=${this.account};AccountKey=${this.key};BlobEndpoint=${at}/${this.account};`;
  }
}

/** One Azurite for the tests of a file, each with containers of its own; they are skipped where it is not installed. */
export function azuriteForAll(options: () => Promise<AzuriteOptions> | AzuriteOptions = () => ({})): () => Azurite {
  let azurite: Azurite | undefined;
  beforeAll(async () => {
    if (existsSync(PROGRAM)) azurite = await Azurite.start(await options());
  });
  beforeEach((context) => requireAzurite(context));
  afterAll(() => azurite?.stop());
  return () => {
    if (!azurite) throw new Error('azurite does not run');
    return azurite;
  };
}

function printedUrl(child: ChildProcess): Promise<string> {
  return new Promise((resolve, reject) => {
    let text = '';
    const look = (chunk: Buffer) => {
      text = (text + chunk.toString()).slice(-4000);
      const url = /successfully listens on (https?:\/\/[\d.:]+)/.exec(text)?.[1];
      if (url) resolve(url);
    };
    child.stdout?.on('data', look);
    child.stderr?.on('data', look);
    child.once('exit', () => reject(new Error(`azurite did not start: ${text}`)));
  });
}
