import { readFileSync } from 'node:fs';
import { request as plainRequest } from 'node:http';
import { request } from 'node:https';
import { connect } from 'node:net';
import { brotliDecompressSync, gunzipSync } from 'node:zlib';
import { expect, test } from 'vitest';
import { selfSigned } from '../../support/certificate.ts';
import { startPage } from '../../support/page.ts';
import { temporaryDirectory } from '../../support/temporary.ts';

const started = () => startPage({ stateDir: temporaryDirectory() });
const INDEX = new URL('../../../agent/web/page/index.html', import.meta.url);

/** What the server says to bytes as they are, without a client that tidies them up. */
function said(url: string, text: string): Promise<string> {
  const { hostname, port } = new URL(url);
  return new Promise((resolve, reject) => {
    let answer = '';
    const socket = connect(Number(port), hostname, () => socket.end(text));
    socket.setEncoding('latin1').on('data', (piece: string) => {
      answer += piece;
    });
    socket.once('close', () => resolve(answer));
    socket.once('error', reject);
  });
}
const get = (path: string, host = '127.0.0.1') => `GET ${path} HTTP/1.1\r\nHost: ${host}\r\nConnection: close\r\n\r\n`;

test('each answer says that nothing else is loaded, framed or guessed', async () => {
  const page = await started();
  for (const path of ['/', '/healthz', '/nothing', '/api/v1/session']) {
    const { headers } = await page.get(path);
    expect(headers.get('content-security-policy'), path).toMatch(/^default-src 'self';.*frame-ancestors 'none'/);
    expect(headers.get('content-security-policy'), path).not.toContain('unsafe');
    expect(headers.get('x-content-type-options'), path).toBe('nosniff');
    expect(headers.get('referrer-policy'), path).toBe('no-referrer');
    expect(headers.get('cross-origin-resource-policy'), path).toBe('same-origin');
    expect(headers.get('access-control-allow-origin'), path).toBeNull();
  }
});

test('another name than its own is refused, as a site that points its name here would have it', async () => {
  const page = await started();
  expect(await said(page.url, get('/', 'evil.example'))).toMatch(/^HTTP\/1\.1 421 /);
  expect(await said(page.url, get('/api/v1/session', 'evil.example'))).toMatch(/^HTTP\/1\.1 421 /);
  expect(await said(page.url, get('/'))).toMatch(/^HTTP\/1\.1 200 /);
  expect(await said(page.url, 'GET / HTTP/1.0\r\n\r\n')).toMatch(/^HTTP\/1\.1 421 /);
  const two = 'GET / HTTP/1.1\r\nHost: localhost\r\nHost: evil.example\r\nConnection: close\r\n\r\n';
  expect(await said(page.url, two)).toMatch(/^HTTP\/1\.1 400 /);
});

test.each([
  '/../package.json',
  '/../../../../../../etc/passwd',
  '/%2e%2e/%2e%2e/package.json',
  '/..%2f..%2fetc/passwd',
  '/..\\..\\package.json',
  '/vendor/../../http/password.ts',
  '/tsconfig.json',
  '//etc/passwd',
  '/index.html%00.js',
  '/%',
  '/api/v1/measurements/%E0%A4%A/latest',
  '/constructor',
  '/__proto__',
])('%s is no path into the disk', async (path) => {
  const page = await started();
  const answer = await said(page.url, get(path));
  expect(answer).toMatch(/^HTTP\/1\.1 404 /);
  expect(answer).not.toMatch(/root:|"dependencies"|scrypt/);
});

test('requests that are too long, of another method or no HTTP end, and the next one is served', async () => {
  const page = await started();
  expect(await said(page.url, get(`/${'x'.repeat(3000)}`))).toMatch(/^HTTP\/1\.1 414 /);
  expect(await said(page.url, `GET / HTTP/1.1\r\nHost: localhost\r\nX: ${'x'.repeat(9000)}\r\n\r\n`)).toBe('');
  expect(await said(page.url, '\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03')).toBe('');
  expect(await said(page.url, 'DELETE / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n')).toMatch(
    /^HTTP\/1\.1 405 [\s\S]*\r\nallow: GET, HEAD\r\n/,
  );
  const smuggled =
    'POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n';
  expect(await said(page.url, smuggled)).toBe('');
  expect(await (await page.get('/healthz')).text()).toBe('ok\n');
});

test('HEAD says what GET would send, without sending it', async () => {
  const page = await started();
  const answer = await page.get('/', { method: 'HEAD', headers: { 'accept-encoding': 'identity' } });
  expect(answer.headers.get('content-length')).toBe(String(readFileSync(INDEX).length));
  expect(await answer.text()).toBe('');
});

test('files come compressed as the browser can, and not again while they are the same', async () => {
  const page = await started();
  const content = readFileSync(INDEX);
  const raw = (coding: string) => rawGet(page.url, { 'accept-encoding': coding });
  expect(brotliDecompressSync((await raw('gzip, br')).body)).toEqual(content);
  expect(gunzipSync((await raw('gzip')).body)).toEqual(content);
  expect((await raw('identity')).body).toEqual(content);
  const tags = new Set([(await raw('br')).etag, (await raw('gzip')).etag, (await raw('identity')).etag]);
  expect(tags.size).toBe(3);
  for (const etag of tags) {
    const coding = etag.includes('-br') ? 'br' : etag.includes('-gzip') ? 'gzip' : 'identity';
    const again = await page.get('/', {
      headers: { 'if-none-match': `"other", W/${etag}`, 'accept-encoding': coding },
    });
    expect([again.status, await again.text()]).toEqual([304, '']);
  }
});

/** fetch() undoes the compression. */
async function rawGet(url: string, headers: Record<string, string>): Promise<{ body: Buffer; etag: string }> {
  return new Promise((resolve, reject) => {
    const asked = plainRequest(url, { headers }, async (response) => {
      const chunks = (await response.toArray()) as Buffer[];
      resolve({ body: Buffer.concat(chunks), etag: response.headers.etag ?? '' });
    });
    asked.once('error', reject).end();
  });
}

test('with a certificate of one’s own it speaks TLS, and cookies are for TLS alone', async () => {
  const { cert, key, ca } = selfSigned(temporaryDirectory());
  const page = await startPage({
    stateDir: temporaryDirectory(),
    web: { tls: { certificateFile: cert, keyFile: key } },
  });
  const answer = await new Promise<string>((resolve, reject) => {
    const asked = request(`${page.url}/healthz`, { ca }, async (response) =>
      resolve(Buffer.concat((await response.toArray()) as Buffer[]).toString()),
    );
    asked.once('error', reject).end();
  });
  expect(answer).toBe('ok\n');
  expect(await said(page.url, get('/')).catch(() => '')).toBe('');
});

test('a certificate that cannot be read is named', async () => {
  const tls = { certificateFile: '/nowhere/page.pem', keyFile: '/nowhere/page.key' };
  await expect(startPage({ stateDir: temporaryDirectory(), web: { tls } })).rejects.toThrow(
    /\/nowhere\/page\.pem cannot be read/,
  );
});

test('a key of another certificate is told as such, with what to do', async () => {
  const [one, other] = [selfSigned(temporaryDirectory()), selfSigned(temporaryDirectory())];
  const tls = { certificateFile: one.cert, keyFile: other.key };
  await expect(startPage({ stateDir: temporaryDirectory(), web: { tls } })).rejects.toMatchObject({
    message: expect.stringContaining(other.key),
    hint: expect.stringMatching(/the key that it was made with/),
  });
});
