import { createHash } from 'node:crypto';
import { expect, test } from 'vitest';
import type { AzureOptions } from '../../../agent/backup/azure/azure-store.ts';
import type { Store } from '../../../agent/backup/store.ts';
import { failureIn, namesOf, openQuickly, signatureOf, VERBS } from '../../support/azure-stores.ts';
import { azuriteForAll } from '../../support/azurite.ts';
import { type Fault, FaultProxy } from '../../support/fault-proxy.ts';

const azurite = azuriteForAll();

/** A store behind a proxy, with one object in it, and what its owner sees of it. */
async function behindProxy(options: Partial<AzureOptions> = {}, rights = 'rcld') {
  const container = await azurite().container();
  await container.getBlockBlobClient('objects/old').upload('objects/old', 11);
  const proxy = await FaultProxy.start(azurite().url);
  const query = azurite().sas(container, rights);
  const url = azurite().urlOf(container, proxy.url);
  const store = await openQuickly({ url, credential: { kind: 'sas', text: query }, ...options });
  const owner = await openQuickly({
    url: azurite().urlOf(container),
    credential: { kind: 'connectionString', text: azurite().connectionString() },
  });
  return { proxy, store, owner, secrets: [signatureOf(query)] };
}

/** What is there when the verb has done its work once. */
const RESULTS: Record<keyof typeof VERBS, { result: unknown; there: string[] }> = {
  put: { result: true, there: ['objects/new', 'objects/old'] },
  get: { result: Buffer.from('objects/old'), there: ['objects/old'] },
  list: { result: ['objects/old'], there: ['objects/old'] },
  remove: { result: undefined, there: [] },
};

const busy = (headers: Record<string, string> = {}, status = 503): Fault => ({
  kind: 'answer',
  status,
  headers: { 'x-ms-error-code': 'ServerBusy', 'x-ms-request-id': '1', ...headers },
});

const PASSING: [string, Fault][] = [
  ['a reset', { kind: 'reset' }],
  ['silence', { kind: 'hang' }],
  ['half a body', { kind: 'half-body' }],
  ['a body that is damaged', { kind: 'damaged-body' }],
  ['a reply that is lost', { kind: 'reply-lost' }],
  ['half a reply', { kind: 'half-reply' }],
  ['a server that is busy', busy()],
  ['a server that is busy for no time', busy({ 'retry-after': '0' })],
  ['a server that is busy until a date', busy({ 'retry-after': new Date(Date.now() - 1000).toUTCString() })],
  ['too many requests', busy({}, 429)],
  ['a time-out of the server', busy({}, 408)],
  ['a server that is broken', busy({}, 500)],
  ['a proxy that reaches nobody', { kind: 'answer', status: 502, body: '<html>Bad gateway</html>' }],
];

test.each(PASSING)('%s passes, twice, at each verb', async (_, fault) => {
  for (const [verb, run] of Object.entries(VERBS)) {
    const { proxy, store, owner } = await behindProxy(fault.kind === 'hang' ? { timeoutMs: 300 } : {});
    let faults = 0;
    proxy.faultFor = () => (faults++ < 2 ? fault : undefined);
    const { result, there } = RESULTS[verb as keyof typeof VERBS];
    expect(await run(store), verb).toEqual(result);
    expect(await namesOf(owner), verb).toEqual(there);
    if (verb === 'put') expect((await owner.get('objects/new'))?.toString()).toBe('objects/new');
  }
});

const LASTING: [string, Fault, RegExp][] = [
  ['resets', { kind: 'reset' }, /the connection breaks off$/],
  ['silence', { kind: 'hang' }, /no answer within 0.2 s$/],
  ['a server that is busy', busy(), / is busy or broken \(ServerBusy\)$/],
  ['throttling', busy({ 'retry-after': '0' }, 429), / is busy or broken \(ServerBusy\)$/],
];

test.each(LASTING)('%s without end: after four tries it is said in a sentence', async (_, fault, sentence) => {
  for (const run of Object.values(VERBS)) {
    const { proxy, store, owner, secrets } = await behindProxy(fault.kind === 'hang' ? { timeoutMs: 200 } : {});
    proxy.faultFor = () => fault;
    const error = await failureIn(run(store), secrets);
    expect(error).toMatchObject({ code: 'unavailable', retryable: true, message: expect.stringMatching(sentence) });
    expect(proxy.requests).toBe(4);
    expect(await namesOf(owner)).toEqual(['objects/old']);
    // It is as good as new.
    proxy.faultFor = () => undefined;
    await run(store);
  }
});

test('pauses are as long as the server asks, up to a minute, and else double, with a share of chance', async () => {
  const pauses: number[] = [];
  const sleep = async (ms: number) => void pauses.push(ms);
  const { proxy, store, secrets } = await behindProxy({ pauseMs: 1000, random: () => 0, sleep });
  const pausesFor = async (headers: Record<string, string>) => {
    pauses.length = 0;
    proxy.faultFor = () => busy(headers);
    await failureIn(store.get('objects/old'), secrets);
    return pauses;
  };
  expect(await pausesFor({})).toEqual([750, 1500, 3000]);
  expect(await pausesFor({ 'retry-after': '7' })).toEqual([7000, 7000, 7000]);
  expect(await pausesFor({ 'retry-after': '3600' })).toEqual([60_000, 60_000, 60_000]);
  expect(await pausesFor({ 'retry-after': 'soon' })).toEqual([750, 1500, 3000]);
  const date = 'Wed, 04 Nov 2026 10:00:00 GMT';
  const headers = { date, 'retry-after': 'Wed, 04 Nov 2026 10:00:09 GMT' };
  expect(await pausesFor(headers)).toEqual([9000, 9000, 9000]);
});

test('every body goes with its MD5, and only where nothing is', async () => {
  const { proxy, store } = await behindProxy();
  const seen: unknown[] = [];
  proxy.onRequest = ({ headers }) => {
    seen.push([headers['content-md5'], headers['if-none-match'], headers['x-ms-blob-type']]);
  };
  await store.put('objects/new', Buffer.from('new'));
  expect(seen).toEqual([[createHash('md5').update('new').digest('base64'), '*', 'BlockBlob']]);
});

test('who may create only, and whose replies are lost, is told in Azure’s words that he may not overwrite', async () => {
  const { proxy, store, owner } = await behindProxy({}, 'rcl');
  const refusal = { 'x-ms-error-code': 'UnauthorizedBlobOverwrite', 'x-ms-request-id': '1' };
  let puts = 0;
  proxy.faultFor = (_path, _number, method) => {
    if (method !== 'PUT') return undefined;
    return puts++ % 2 === 0 ? { kind: 'reply-lost' } : { kind: 'answer', status: 403, headers: refusal };
  };
  expect(await store.put('objects/new', Buffer.from('new'))).toBe(true);
  expect(await store.put('objects/new', Buffer.from('NEW'))).toBe(false);
  expect((await owner.get('objects/new'))?.toString()).toBe('new');
});

test('a download that is damaged is fetched again, and never given out', async () => {
  const { proxy, store, secrets } = await behindProxy();
  let faults = 0;
  proxy.faultFor = () => (faults++ < 3 ? { kind: 'damaged-reply' } : undefined);
  expect((await store.get('objects/old'))?.toString()).toBe('objects/old');
  proxy.faultFor = () => ({ kind: 'damaged-reply' });
  expect(await failureIn(store.get('objects/old'), secrets)).toMatchObject({
    code: 'unavailable',
    message: expect.stringMatching(/damaged on its way$/),
  });
  proxy.faultFor = (_path, _number, method) => (method === 'PUT' ? { kind: 'damaged-body' } : undefined);
  await failureIn(store.put('objects/new', Buffer.from('new')), secrets);
  expect(await namesOf(store)).toEqual(['objects/old']);
});

test('a socket that hangs in the middle of a listing loses no name and doubles none', async () => {
  const { proxy, store, owner } = await behindProxy({ timeoutMs: 300, pageSize: 3 });
  const names = Array.from({ length: 20 }, (_, n) => `objects/${String(n).padStart(2, '0')}`);
  for (const name of names) await owner.put(name, Buffer.from(name));
  const faults: Fault[] = [{ kind: 'hang' }, { kind: 'half-reply' }, { kind: 'reset' }, { kind: 'reply-lost' }];
  proxy.faultFor = (_, n) => (n % 2 === 1 ? faults[(n >> 1) % faults.length] : undefined);
  expect(await namesOf(store)).toEqual([...names, 'objects/old']);
});

test('what a server repeats of a request is not shown', async () => {
  const { proxy, store, secrets } = await behindProxy();
  const [signature = ''] = secrets;
  proxy.faultFor = (path) => ({
    kind: 'answer',
    status: 400,
    headers: { 'content-type': 'application/xml', 'x-ms-request-id': '1' },
    body: `<Error><Code>OutOfRangeInput</Code><Message>${signature} of http://x${path.replaceAll('&', '&amp;')}</Message></Error>`,
  });
  for (const [verb, run] of Object.entries(VERBS)) {
    const error = await failureIn(run(store), secrets);
    expect(error.message, verb).toMatch(/it refuses with OutOfRangeInput: \*\*\* of http:/);
  }
});

/** mulberry32 */
function randomFrom(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}

const KINDS: Fault[] = [
  { kind: 'reset' },
  { kind: 'hang' },
  { kind: 'half-body' },
  { kind: 'damaged-body' },
  { kind: 'reply-lost' },
  { kind: 'half-reply' },
  busy(),
  busy({ 'retry-after': '0' }, 429),
  busy({}, 500),
];

test.each([1, 2])('with faults at a quarter of all requests every object is right (seed %i)', async (seed) => {
  const random = randomFrom(seed);
  const { proxy, store, owner } = await behindProxy({ timeoutMs: 400, tries: 12, pageSize: 10, random });
  proxy.faultFor = () => (random() < 0.25 ? KINDS[Math.floor(random() * KINDS.length)] : undefined);
  const expected = new Map([['objects/old', Buffer.from('objects/old')]]);
  for (let n = 0; n < 120; n++) {
    const names = [...expected.keys()];
    const name = names[Math.floor(random() * names.length)] ?? '';
    const dice = random();
    if (dice < 0.5) {
      const data = Buffer.alloc(Math.floor(random() ** 3 * 300_000), n);
      expect(await store.put(`objects/${n}`, data)).toBe(true);
      expected.set(`objects/${n}`, data);
    } else if (dice < 0.6) expect(await store.put(name, Buffer.from(`other ${n}`))).toBe(false);
    else if (dice < 0.8) expect((await store.get(name))?.equals(expected.get(name) ?? Buffer.alloc(0))).toBe(true);
    else if (dice < 0.9 && names.length > 1) {
      await store.remove(name);
      expected.delete(name);
      expect(await store.get(name)).toBeUndefined();
    } else expect(await namesOf(store)).toEqual([...expected.keys()].sort());
  }
  await expectThere(owner, expected);
});

async function expectThere(owner: Store, expected: ReadonlyMap<string, Buffer>): Promise<void> {
  expect(await namesOf(owner)).toEqual([...expected.keys()].sort());
  for (const [name, data] of expected) expect((await owner.get(name))?.equals(data), name).toBe(true);
}
