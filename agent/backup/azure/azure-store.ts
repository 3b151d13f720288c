import { createHash, randomUUID } from 'node:crypto';
import { Readable } from 'node:stream';
import { setTimeout as wait } from 'node:timers/promises';
import type { BlobItem, ContainerClient } from '@azure/storage-blob';
import type { Store, StoredObject } from '../store.ts';
import { type AzureAddress, parseAddress } from './address.ts';
import { type AttemptOptions, attempt, type Try } from './attempts.ts';
import { azureError, NO_RIGHT, type Verb } from './azure-error.ts';
import { type Access, type AzureCredential, accessWith } from './credential.ts';
import { AzureFailure, CORRUPT, codeOf, NONSENSE } from './failure.ts';

export interface AzureOptions {
  /** https://ACCOUNT.blob.core.windows.net/CONTAINER[/PREFIX], or http://HOST:PORT/ACCOUNT/CONTAINER[/PREFIX] for an emulator. */
  url: string;
  credential: AzureCredential;
  /** Certificate authorities to trust instead of the system's, PEM. */
  ca?: string | undefined;
  /** Longest wait of one try of one call without progress; 60 s by default. */
  timeoutMs?: number;
  /** Of one call; 4 by default. */
  tries?: number;
  /** Before the second try, then twice as long each time; 1 s by default. */
  pauseMs?: number;
  /** Names in one answer to a listing, 5000 at most. */
  pageSize?: number;
  /** 0 to 1, for the jitter of the pauses. */
  random?: () => number;
  /** Waits, ms. */
  sleep?: (ms: number) => Promise<unknown>;
  /** UTC ms by this machine's clock. */
  clock?: () => number;
}

/**
 * A container of Azure Blob storage. Nothing travels before the first call.
 * @throws AgentError `config` when URL and credential cannot be understood, or do not agree
 */
export async function openAzureStore(options: AzureOptions): Promise<Store> {
  const address = parseAddress(options.url);
  return new AzureStore(address, await accessWith(options.credential, address, options.ca), options);
}

/** A body goes in pieces: each that leaves is progress. */
const PIECE_BYTES = 64 * 1024;
/** There is a blob already. */
const THERE_IS_ONE = /^(BlobAlreadyExists|ConditionNotMet|TargetConditionNotMet|UnauthorizedBlobOverwrite)$/;

class AzureStore implements Store {
  readonly label: string;
  /** Azure compares each body with its MD5 before it says yes. */
  readonly provesWrites = true;
  readonly expiresMs: number | undefined;
  readonly #address: AzureAddress;
  readonly #access: Access;
  readonly #attempts: AttemptOptions;
  readonly #pageSize: number;
  readonly #clock: () => number;
  #removable: boolean | undefined;

  constructor(address: AzureAddress, access: Access, options: AzureOptions) {
    const { timeoutMs = 60_000, tries = 4, pauseMs = 1000, random = Math.random, sleep = wait } = options;
    this.label = `${address.containerUrl}/${address.prefix}`.replace(/\/$/, '');
    this.expiresMs = access.sas?.endsMs;
    this.#address = address;
    this.#access = access;
    this.#attempts = { timeoutMs, tries, pauseMs, random, sleep };
    this.#pageSize = options.pageSize ?? 5000;
    this.#clock = options.clock ?? Date.now;
  }

  put(name: string, data: Uint8Array): Promise<boolean> {
    const md5 = createHash('md5').update(data).digest();
    const checksums = {
      // Azure compares this one with what arrives. The SDK passes it on, and has forgotten it in its types.
      transactionalContentMD5: md5,
      // This one it gives back with the blob.
      blobHTTPHeaders: { blobContentMD5: md5, blobContentType: 'application/octet-stream' },
    };
    return this.#call('put', async (container, one) => {
      try {
        // Put Blob, in one piece: all that a credential may do that can create and not overwrite.
        const { requestId } = await this.#blob(container, name).upload(() => inPieces(data, one), data.length, {
          ...checksums,
          abortSignal: one.signal,
          conditions: { ifNoneMatch: '*' },
        });
        requireAzure(requestId);
        return true;
      } catch (error) {
        const mayBeThere = THERE_IS_ONE.test(codeOf(error)) || NO_RIGHT.test(codeOf(error));
        // The reply to an earlier try may have been lost. Who may create only is told that he has no right to overwrite.
        const isSame = mayBeThere ? await this.#hasSame(container, name, data, md5, one) : undefined;
        if (isSame === undefined) throw error;
        return isSame;
      }
    });
  }

  get(name: string): Promise<Buffer | undefined> {
    return this.#call('get', (container, one) => this.#read(container, name, one));
  }

  async *list(prefix: string): AsyncIterable<StoredObject> {
    const root = this.#address.prefix;
    let continuationToken: string | undefined;
    do {
      const page = await this.#call('list', async (container, { signal }) => {
        const pages = container
          .listBlobsFlat({ prefix: root + prefix, abortSignal: signal })
          .byPage({ maxPageSize: this.#pageSize, ...(continuationToken ? { continuationToken } : {}) });
        const { value } = await pages.next();
        requireAzure(value?.requestId);
        return { items: (value?.segment.blobItems ?? []) as BlobItem[], next: value?.continuationToken };
      });
      for (const { name, properties } of page.items) {
        const { contentLength: bytes = 0, lastModified } = properties;
        yield { name: name.slice(root.length), bytes, modifiedMs: lastModified.getTime() };
      }
      continuationToken = page.next;
    } while (continuationToken);
  }

  async remove(name: string): Promise<void> {
    await this.#call('remove', (container, one) => this.#delete(container, name, one));
  }

  async canRemove(): Promise<boolean> {
    const rights = this.#access.sas?.rights;
    if (rights !== undefined) return rights.includes('d');
    // Rights are looked at before names: one that nobody has tells, and nothing goes.
    this.#removable ??= await this.#call('remove', async (container, one) => {
      try {
        await this.#delete(container, `none-${randomUUID()}`, one);
        return true;
      } catch (error) {
        if (NO_RIGHT.test(codeOf(error))) return false;
        throw error;
      }
    });
    return this.#removable;
  }

  #blob(container: ContainerClient, name: string) {
    return container.getBlockBlobClient(this.#address.prefix + name);
  }

  async #delete(container: ContainerClient, name: string, { signal }: Try): Promise<void> {
    try {
      const { requestId } = await this.#blob(container, name).delete({ abortSignal: signal });
      requireAzure(requestId);
    } catch (error) {
      if (codeOf(error) !== 'BlobNotFound') throw error;
    }
  }

  async #read(container: ContainerClient, name: string, { signal, alive }: Try): Promise<Buffer | undefined> {
    const options = { abortSignal: signal, maxRetryRequests: 0 };
    const response = await this.#blob(container, name)
      .download(0, undefined, options)
      .catch((error: unknown) => {
        if (codeOf(error) !== 'BlobNotFound') throw error;
      });
    if (!response) return undefined;
    requireAzure(response.requestId);
    const pieces: Buffer[] = [];
    for await (const piece of response.readableStreamBody ?? []) {
      pieces.push(piece as Buffer);
      alive();
    }
    const data = Buffer.concat(pieces);
    const { contentLength, contentMD5 } = response;
    const isWhole = data.length === contentLength;
    if (!isWhole || (contentMD5 && !createHash('md5').update(data).digest().equals(contentMD5))) {
      throw new AzureFailure(`${name} came with ${data.length} bytes that are not those it has`, { code: CORRUPT });
    }
    return data;
  }

  /** @returns undefined when there is none, or nobody may look */
  async #hasSame(
    container: ContainerClient,
    name: string,
    data: Uint8Array,
    md5: Buffer,
    one: Try,
  ): Promise<boolean | undefined> {
    const there = await this.#blob(container, name)
      .getProperties({ abortSignal: one.signal })
      .catch((error: unknown) => {
        if (codeOf(error) !== 'BlobNotFound' && !NO_RIGHT.test(codeOf(error))) throw error;
      });
    if (!there) return undefined;
    requireAzure(there.requestId);
    if (there.contentLength !== data.length) return false;
    if (there.contentMD5) return md5.equals(there.contentMD5);
    return (await this.#read(container, name, one))?.equals(data) ?? false;
  }

  /** @throws AgentError */
  async #call<T>(verb: Verb, work: (container: ContainerClient, one: Try) => Promise<T>): Promise<T> {
    try {
      return await attempt(this.#attempts, async (one) => work(await this.#access.container(one), one));
    } catch (error) {
      const failure = error as AzureFailure;
      if (failure.status === 401 || failure.code === 'AuthenticationFailed') this.#access.refused();
      throw azureError(failure, { verb, address: this.#address, access: this.#access, nowMs: this.#clock() });
    }
  }
}

function inPieces(data: Uint8Array, { alive }: Try): NodeJS.ReadableStream {
  const pieces = function* () {
    for (let at = 0; at < data.length; at += PIECE_BYTES) {
      alive();
      yield data.subarray(at, at + PIECE_BYTES);
    }
  };
  return Readable.from(pieces(), { objectMode: false });
}

/** Every answer of Azure has a number: a login page that says 200 to everything has not. */
function requireAzure(requestId: string | undefined): void {
  if (!requestId) throw new AzureFailure('the answer has no x-ms-request-id', { code: NONSENSE });
}
