import { expect, test } from 'vitest';
import { hashPassword } from '../../../agent/web/http/password.ts';
import { startPage } from '../../support/page.ts';
import { temporaryDirectory } from '../../support/temporary.ts';

const PASSWORD = 'open sesame';
const passwordHash = hashPassword(PASSWORD);
const started = () => startPage({ stateDir: temporaryDirectory(), web: { passwordHash } });
const basic = (password: string) => ({ authorization: `Basic ${Buffer.from(`me:${password}`).toString('base64')}` });
const post = (body: unknown, headers: Record<string, string> = {}): RequestInit => ({
  method: 'POST',
  headers: { 'content-type': 'application/json', ...headers },
  body: typeof body === 'string' ? body : JSON.stringify(body),
});
/** Any path that needs the password. */
const GUARDED = '/api/v1/stream';

test('without the password there is the page and its health, and nothing of the house', async () => {
  const page = await started();
  expect((await page.get('/')).status).toBe(200);
  expect((await page.get('/healthz')).status).toBe(200);
  expect(await (await page.get('/api/v1/session')).json()).toEqual({ admitted: false, restricted: true });
  const refused = await page.get(GUARDED);
  expect(refused.status).toBe(401);
  expect(refused.headers.get('content-type')).toContain('application/problem+json');
  expect(refused.headers.get('www-authenticate')).toContain('Basic');
});

test('programs give it with each request', async () => {
  const page = await started();
  const admitted = await page.get(GUARDED, { headers: basic(PASSWORD) });
  expect(admitted.status).toBe(200);
  await admitted.body?.cancel();
  expect((await page.get(GUARDED, { headers: basic('guess') })).status).toBe(401);
  expect((await page.get(GUARDED, { headers: { authorization: 'Basic ???' } })).status).toBe(401);
  expect((await page.get(GUARDED, { headers: { authorization: `Bearer ${PASSWORD}` } })).status).toBe(401);
});

test('a browser begins a session, which another server with the same password knows, and ends it', async () => {
  const page = await started();
  const begun = await page.get('/api/v1/session', post({ password: PASSWORD }));
  expect(begun.status).toBe(200);
  const setCookie = begun.headers.get('set-cookie') ?? '';
  expect(setCookie).toMatch(/; Path=\/; HttpOnly; SameSite=Strict; Max-Age=2592000$/);
  const cookie = setCookie.split(';')[0] ?? '';
  expect(cookie).not.toContain(PASSWORD);

  const restarted = await started();
  for (const one of [page, restarted]) {
    const answer = await one.get('/api/v1/session', { headers: { cookie: `other=1; ${cookie}` } });
    expect(await answer.json()).toEqual({ admitted: true, restricted: true });
  }
  const ended = await page.get('/api/v1/session', { method: 'DELETE', headers: { cookie } });
  expect(ended.headers.get('set-cookie')).toMatch(/^energy_monitor=; .*Max-Age=0/);
});

test('a session that was changed, is over, or is of another password is none', async () => {
  const page = await started();
  const begun = await page.get('/api/v1/session', post({ password: PASSWORD }));
  const [, end = '', signature = ''] =
    /energy_monitor=(\d+)\.([^;]+)/.exec(begun.headers.get('set-cookie') ?? '') ?? [];
  const other = await startPage({ stateDir: temporaryDirectory(), web: { passwordHash: hashPassword('another one') } });
  const status = async (on: typeof page, value: string) =>
    (await on.get(GUARDED, { headers: { cookie: `energy_monitor=${value}` } })).status;
  expect(await status(page, `${Number(end) + 1}.${signature}`)).toBe(401);
  expect(await status(page, `${end}.${signature.slice(0, -1)}`)).toBe(401);
  expect(await status(page, `1000000000000.${signature}`)).toBe(401);
  expect(await status(page, '')).toBe(401);
  expect(await status(other, `${end}.${signature}`)).toBe(401);
});

test('wrong passwords are bounded, and do not end sessions', async () => {
  const page = await started();
  const begun = await page.get('/api/v1/session', post({ password: PASSWORD }));
  const cookie = (begun.headers.get('set-cookie') ?? '').split(';')[0] ?? '';
  const statuses: number[] = [];
  for (let n = 0; n < 7; n++) {
    statuses.push((await page.get('/api/v1/session', post({ password: `guess ${n}` }))).status);
  }
  expect(statuses).toEqual([401, 401, 401, 401, 401, 429, 429]);
  const right = await page.get('/api/v1/session', post({ password: PASSWORD }));
  expect(right.status).toBe(429);
  expect(Number(right.headers.get('retry-after'))).toBeGreaterThan(0);
  const session = await page.get('/api/v1/session', { headers: { cookie } });
  expect(await session.json()).toMatchObject({ admitted: true });
});

test.each([
  ['no JSON', post('password=x'), 400],
  ['no password', post({ user: 'me' }), 400],
  ['a number', post({ password: 12345678 }), 400],
  ['a form of another site', { method: 'POST', body: 'password=x', headers: { 'content-type': 'text/plain' } }, 415],
  ['too much', post({ password: 'x'.repeat(5000) }), 413],
  ['from another site', post({ password: PASSWORD }, { origin: 'https://evil.example' }), 403],
  ['by PUT', { method: 'PUT' }, 405],
] as const)('%s is refused', async (_, init, status) => {
  const page = await started();
  const answer = await page.get('/api/v1/session', init);
  expect(answer.status).toBe(status);
  expect(answer.headers.get('set-cookie')).toBeNull();
  expect(await answer.json()).toMatchObject({ status, detail: expect.stringMatching(/^\w/) });
});

test('the longest password that can be set is taken, by a session and by a program', async () => {
  const password = '\u{1f511}'.repeat(256);
  const page = await startPage({ stateDir: temporaryDirectory(), web: { passwordHash: hashPassword(password) } });
  const escaped = JSON.stringify({ password }).replaceAll('\u{1f511}', '\\ud83d\\udd11');
  expect((await page.get('/api/v1/session', post(escaped))).status).toBe(200);
  expect(await (await page.get('/api/v1/session', { headers: basic(password) })).json()).toMatchObject({
    admitted: true,
  });
});

test('where there is no password nobody can begin a session', async () => {
  const page = await startPage({ stateDir: temporaryDirectory() });
  expect(await (await page.get('/api/v1/session')).json()).toEqual({ admitted: true, restricted: false });
  expect((await page.get('/api/v1/session', post({ password: PASSWORD }))).status).toBe(404);
});
