import { expect, test } from 'vitest';
import { type AzureOptions, openAzureStore } from '../../../agent/backup/azure/azure-store.ts';
import { failureIn } from '../../support/azure-stores.ts';

const URL = 'https://home.blob.core.windows.net/backups';
const SIGNATURE = 'c2VjcmV0IHNpZ25hdHVyZSBvZiBhIHRlc3Q=';
const SAS = `sv=2025-07-05&sr=c&sp=rcl&se=2027-01-02T03:04:05Z&sig=${encodeURIComponent(SIGNATURE)}`;
const KEY = Buffer.from('the secret key of an account').toString('base64');
const KEYED = `DefaultEndpointsProtocol=https;AccountName=home;AccountKey=${KEY};EndpointSuffix=core.windows.net`;
const SECRETS = [SIGNATURE, KEY];

const sas = (text: string): AzureOptions['credential'] => ({ kind: 'sas', text });
const connection = (text: string): AzureOptions['credential'] => ({ kind: 'connectionString', text });

test.each([
  ['a word', 'backups', sas(SAS), /is no URL/],
  ['no container', 'https://home.blob.core.windows.net/', sas(SAS), /names no container/],
  ['no container of an emulator', 'http://127.0.0.1:10000/home', sas(SAS), /names no container/],
  [
    'a name that Azure does not take',
    'https://home.blob.core.windows.net/My_Backups',
    sas(SAS),
    /a container named My_Backups/,
  ],
  ['a broken escape', 'https://home.blob.core.windows.net/backups/%', sas(SAS), /percent sign/],
  ['a SAS in the URL', `${URL}?${SAS}`, sas(SAS), /more than an address/],
  ['a user in the URL', `https://me:${KEY}@home.blob.core.windows.net/backups`, sas(SAS), /more than an address/],
  ['no TLS', URL.replace('https', 'http'), sas(SAS), /in the clear/],
  ['another protocol', 'ftp://home.blob.core.windows.net/backups', sas(SAS), /no address of the web/],
  ['half a SAS', URL, sas(SAS.replace(/&sig=.*/, '')), /is not whole/],
  ['two lines of SAS', URL, sas(`${SAS}\n${SAS}`), /is not whole/],
  ['an empty SAS', URL, sas(' '), /is not whole/],
  ['a SAS of one blob', URL, sas(SAS.replace('sr=c', 'sr=b')), /for a single blob/],
  [
    'the SAS of another container',
    URL,
    sas(`https://home.blob.core.windows.net/photos?${SAS}`),
    /one of container photos, not backups/,
  ],
  [
    'the SAS of another account',
    URL,
    sas(`https://work.blob.core.windows.net/backups?${SAS}`),
    /one of account work, not home/,
  ],
  [
    'a connection string without a key',
    URL,
    connection('AccountName=home;EndpointSuffix=core.windows.net'),
    /no AccountKey/,
  ],
  ['a SAS as connection string', URL, connection(SAS), /no AccountKey/],
  [
    'the connection string of another account',
    URL,
    connection(KEYED.replace('=home', '=work')),
    /of account work, the URL of home/,
  ],
  [
    'the endpoint of another account',
    URL,
    connection(`${KEYED};BlobEndpoint=https://work.blob.core.windows.net/`),
    /is not for https:\/\/home/,
  ],
  [
    'the emulator for Azure',
    URL,
    connection('UseDevelopmentStorage=true'),
    /of account devstoreaccount1, the URL of home/,
  ],
  [
    'an authority in the clear',
    URL,
    {
      kind: 'servicePrincipal',
      tenantId: 't',
      clientId: 'c',
      clientSecret: KEY,
      authorityHost: 'http://login.example',
    } as const,
    /client secret in the clear/,
  ],
  [
    'a token in the clear',
    'http://127.0.0.1:10000/home/backups',
    { kind: 'servicePrincipal', tenantId: 't', clientId: 'c', clientSecret: KEY } as const,
    /token of the service principal in the clear/,
  ],
])('%s is said in a sentence, before anything travels', async (_, url, credential, sentence) => {
  const error = await failureIn(openAzureStore({ url, credential }), SECRETS);
  expect(error).toMatchObject({ code: 'config', retryable: false, message: expect.stringMatching(sentence) });
});

test.each([
  ['a token', URL, sas(SAS)],
  ['a token with a question mark', `${URL}/`, sas(`?${SAS}\n`)],
  ['the container with a token', URL, sas(`${URL}?${SAS}`)],
  ['the account with a token', URL, sas(`https://home.blob.core.windows.net/?${SAS}`)],
  [
    'a connection string with a SAS',
    URL,
    connection(`BlobEndpoint=https://home.blob.core.windows.net/;SharedAccessSignature=${SAS};`),
  ],
])('%s is a credential, and says when it ends', async (_, url, credential) => {
  const store = await openAzureStore({ url, credential });
  expect([store.label, store.expiresMs]).toEqual([URL, Date.parse('2027-01-02T03:04:05Z')]);
});

test.each([
  ['2027-01-02', '2027-01-02T00:00:00Z'],
  ['2027-01-02T03:04Z', '2027-01-02T03:04:00Z'],
  ['2027-01-02T03:04:05.0000000Z', '2027-01-02T03:04:05Z'],
])('a SAS that ends at %s', async (text, iso) => {
  const store = await openAzureStore({ url: URL, credential: sas(SAS.replace('2027-01-02T03:04:05Z', text)) });
  expect(store.expiresMs).toBe(Date.parse(iso));
});

test.each([
  ['an account key', URL, connection(KEYED)],
  ['the emulator', 'http://azurite:10000/devstoreaccount1/backups', connection('UseDevelopmentStorage=true;')],
  ['a SAS under a policy', URL, sas(SAS.replace(/sp=.*?&se=.*?&/, 'si=backup&'))],
])('%s does not say when it ends', async (_, url, credential) => {
  expect((await openAzureStore({ url, credential })).expiresMs).toBeUndefined();
});

test.each([
  ['rcl', false],
  ['rcld', true],
])('sp=%s says whether it may delete, without a question to the server', async (rights, may) => {
  const store = await openAzureStore({ url: URL, credential: sas(SAS.replace('sp=rcl', `sp=${rights}`)) });
  expect(await store.canRemove()).toBe(may);
});
