import { mkdtempSync, rmSync } from 'node:fs';
import { createServer, type ServerResponse } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeEach, expect, onTestFinished, test } from 'vitest';
import type { AzureOptions } from '../../../agent/backup/azure/azure-store.ts';
import { failureIn, namesOf, openQuickly, VERBS } from '../../support/azure-stores.ts';
import { azuriteForAll } from '../../support/azurite.ts';
import { selfSigned } from '../../support/certificate.ts';
import { nonsensePort } from '../../support/fault-proxy.ts';
import { freePort } from '../../support/free-port.ts';
import { hasProgram, requireProgram } from '../../support/requires.ts';

const directory = mkdtempSync(join(tmpdir(), 'energy-monitor-test-'));
afterAll(() => rmSync(directory, { recursive: true }));
const tls = hasProgram('openssl') ? selfSigned(directory) : undefined;
const azurite = azuriteForAll(() => (tls ? { tls } : {}));
beforeEach((context) => requireProgram(context, 'openssl'));

const SECRET = 'a~client.secret_of+the/test';

/**
 * A token as Azurite takes it: it looks at the audience, the issuer and the times, not at the signature. So these tests prove
 * what is asked of the authority and how the token is carried, not that Entra or Azure would accept it.
 */
function token(seconds: number): string {
  const now = Math.floor(Date.now() / 1000);
  const claims = {
    aud: 'https://storage.azure.com',
    iss: 'https://sts.windows.net/tenant/',
    iat: now - 9,
    nbf: now - 9,
  };
  const part = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url');
  return `${part({ alg: 'HS256', typ: 'JWT' })}.${part({ ...claims, exp: now + seconds })}.${'s'.repeat(43)}`;
}

/** An authority on the loopback that answers each request as it is told, with a good token otherwise. */
async function startAuthority() {
  const requests: { path: string; form: Record<string, string> }[] = [];
  const tokens: string[] = [];
  const answers: ((response: ServerResponse) => void)[] = [];
  const give =
    (seconds: number, validSeconds = seconds) =>
    (response: ServerResponse) => {
      const text = token(validSeconds);
      tokens.push(text);
      response.end(JSON.stringify({ token_type: 'Bearer', expires_in: seconds, access_token: text }));
    };
  const server = createServer(async (incoming, response) => {
    let body = '';
    for await (const chunk of incoming) body += chunk as string;
    requests.push({ path: incoming.url ?? '', form: Object.fromEntries(new URLSearchParams(body)) });
    (answers.shift() ?? give(3600))(response);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => void server.close().closeAllConnections());
  const address = server.address();
  const url = `http://127.0.0.1:${typeof address === 'object' && address ? address.port : 0}`;
  return { url, requests, tokens, answers, give };
}

async function openAs(authorityHost: string, more: Partial<AzureOptions> = {}) {
  const container = await azurite().container();
  await container.getBlockBlobClient('objects/old').upload('objects/old', 11);
  const credential = {
    kind: 'servicePrincipal',
    tenantId: 'tenant',
    clientId: 'client',
    clientSecret: SECRET,
  } as const;
  const url = azurite().urlOf(container);
  return openQuickly({ url, ca: tls?.ca, credential: { ...credential, authorityHost }, ...more });
}

const error = (status: number, text: string) => (response: ServerResponse) =>
  response.writeHead(status, { 'content-type': 'application/json' }).end(
    JSON.stringify({
      error: 'invalid_client',
      error_description: `${text}: secret ${SECRET} of 'client'. Trace ID: 1`,
    }),
  );

test('a service principal does everything, with one token', async () => {
  const authority = await startAuthority();
  const store = await openAs(authority.url);
  for (const run of Object.values(VERBS)) await run(store);
  expect(await namesOf(store)).toEqual(['objects/new']);
  expect([await store.canRemove(), store.expiresMs]).toEqual([true, undefined]);
  expect(authority.requests).toEqual([
    {
      path: '/tenant/oauth2/v2.0/token',
      form: {
        grant_type: 'client_credentials',
        client_id: 'client',
        client_secret: SECRET,
        scope: 'https://storage.azure.com/.default',
      },
    },
  ]);
});

test('a token is replaced five minutes before it ends', async () => {
  const authority = await startAuthority();
  authority.answers.push(authority.give(299), authority.give(301), authority.give(3600));
  const store = await openAs(authority.url);
  for (let n = 0; n < 5; n++) expect((await store.get('objects/old'))?.length).toBe(11);
  expect(authority.requests).toHaveLength(2);
});

test('a token that Azure refuses is not used again', async () => {
  const authority = await startAuthority();
  authority.answers.push(authority.give(3600, -60));
  const store = await openAs(authority.url);
  const refused = await failureIn(store.get('objects/old'), [SECRET, ...authority.tokens]);
  expect(refused).toMatchObject({ code: 'permission', message: expect.stringMatching(/token .* is refused$/) });
  expect((await store.get('objects/old'))?.length).toBe(11);
});

test.each([
  [401, 'AADSTS7000215: Invalid client secret provided', 'permission', /client secret .* is wrong$/],
  [401, 'AADSTS7000222: The provided client secret keys are expired', 'permission', /client secret .* has ended$/],
  [400, 'AADSTS700016: Application was not found', 'config', /no such service principal in the tenant$/],
  [400, 'AADSTS90002: Tenant not found', 'config', /there is no such tenant$/],
  [400, 'AADSTS900023: Specified tenant identifier is neither', 'config', /there is no such tenant$/],
  [400, 'AADSTS7000112: Application is disabled', 'permission', /service principal is disabled$/],
  [400, 'AADSTS53003: Access has been blocked', 'permission', /it refuses with AADSTS53003: invalid_client$/],
])('%i with %s is said in words, after one try', async (status, text, code, sentence) => {
  const authority = await startAuthority();
  const store = await openAs(authority.url);
  authority.answers.push(error(status, text));
  const failure = await failureIn(store.get('objects/old'), [SECRET]);
  expect(failure).toMatchObject({ code, retryable: false, message: expect.stringMatching(sentence) });
  expect(authority.requests).toHaveLength(1);
});

test.each<[string, (response: ServerResponse) => void]>([
  ['a broken authority', error(500, 'AADSTS90033: A transient error has occurred')],
  ['a busy one', error(429, 'AADSTS50196: loop')],
  ['a login page in its place', (response) => response.end('<html>Please log in</html>')],
  ['an answer without a token', (response) => response.end('{}')],
  ['a token that no header can carry', (response) => response.end('{"access_token":"a\\nb","expires_in":3600}')],
  [
    'half an answer',
    (response) => response.writeHead(200, { 'content-length': 9 }).write('{}', () => response.destroy()),
  ],
  ['a reset', (response) => response.socket?.resetAndDestroy()],
  ['silence', () => {}],
])('%s passes', async (_, answer) => {
  const authority = await startAuthority();
  const store = await openAs(authority.url, { timeoutMs: 500 });
  authority.answers.push(answer, answer);
  expect((await store.get('objects/old'))?.length).toBe(11);
  expect(authority.requests).toHaveLength(3);
});

test('an authority that is not there, or is none, is named', async () => {
  const port = await freePort();
  const away = await failureIn(VERBS.list(await openAs(`http://127.0.0.1:${port}`)), [SECRET]);
  expect(away).toMatchObject({ code: 'unavailable', retryable: true });
  expect(away.message).toContain(`nothing listens at 127.0.0.1:${port}`);
  const nonsense = await nonsensePort();
  const none = await failureIn(VERBS.list(await openAs(`http://127.0.0.1:${nonsense}`)), [SECRET]);
  expect(none.message).toContain(`what answers at 127.0.0.1:${nonsense} is not Azure`);
});

test('a certificate that nobody vouches for is told at once', async () => {
  const authority = await startAuthority();
  const failure = await failureIn(VERBS.get(await openAs(authority.url, { ca: undefined })), [SECRET]);
  expect(failure).toMatchObject({ code: 'config', message: expect.stringMatching(/TLS with 127.0.0.1:\d+ fails/) });
});
