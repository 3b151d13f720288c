import { inspect } from 'node:util';
import { expect } from 'vitest';
import { type AzureOptions, openAzureStore } from '../../agent/backup/azure/azure-store.ts';
import type { Store } from '../../agent/backup/store.ts';
import { AgentError } from '../../agent/system/errors.ts';
import { recordingLog } from './silent-log.ts';

/** Pauses that a test can afford. */
export const QUICK = { pauseMs: 2, timeoutMs: 10_000, random: () => 0.5 };

export function openQuickly(options: AzureOptions): Promise<Store> {
  return openAzureStore({ ...QUICK, ...options });
}

/** Each verb of a store, to try all of them. */
export const VERBS: Record<'put' | 'get' | 'list' | 'remove', (store: Store, name?: string) => Promise<unknown>> = {
  put: (store, name = 'objects/new') => store.put(name, Buffer.from(name)),
  get: (store, name = 'objects/old') => store.get(name),
  list: (store) => namesOf(store),
  remove: (store, name = 'objects/old') => store.remove(name),
};

export async function namesOf(store: Store, prefix = ''): Promise<string[]> {
  const found: string[] = [];
  for await (const { name } of store.list(prefix)) found.push(name);
  return found;
}

/**
 * The AgentError with which it fails. However it may be shown (sentence, hint, log, JSON, all of its properties and causes),
 * none of the secrets is in it.
 */
export async function failureIn(work: Promise<unknown>, secrets: readonly string[]): Promise<AgentError> {
  const error = await work.then(
    (result) => expect.unreachable(`it succeeded: ${inspect(result)}`),
    (thrown: unknown) => thrown,
  );
  if (!(error instanceof AgentError)) throw error;
  const { log, lines } = recordingLog();
  log.error({ err: error, hint: error.hint, reason: error.message }, error.message);
  const shown = [
    inspect(error, { depth: 20, showHidden: true, maxStringLength: null, maxArrayLength: null }),
    JSON.stringify(error),
    JSON.stringify(lines),
  ].join('\n');
  expect(secrets.length).toBeGreaterThan(0);
  for (const secret of secrets) {
    for (const form of [secret, encodeURIComponent(secret)]) {
      expect(shown.includes(form), `a secret is shown in: ${error.message}`).toBe(false);
    }
  }
  expect(shown).not.toMatch(/sig=(?!\*)|AccountKey=(?!\*)|Bearer (?!\*)[a-z0-9]{20}/i);
  expect(error.message).not.toMatch(/[\n\r]/);
  expect(error.hint ?? '').not.toBe('');
  return error;
}

/** What is secret in the query of a SAS. */
export function signatureOf(query: string): string {
  return new URLSearchParams(query).get('sig') ?? '';
}
