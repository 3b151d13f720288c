import { writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { finished, runCommand } from '../support/child.ts';
import { freePort } from '../support/free-port.ts';
import { temporaryDirectory } from '../support/temporary.ts';

/** An InfluxDB that refuses every token, and keeps what it was given. */
async function refusingServer(): Promise<{ url: string; given: (string | undefined)[] }> {
  const given: (string | undefined)[] = [];
  const server = createServer((request, response) => {
    given.push(request.headers.authorization);
    response.writeHead(401).end();
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => void server.close());
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, given };
}

test('--token-file is a path from where the person is, also a bare name, also under systemd', async () => {
  const { url, given } = await refusingServer();
  const directory = temporaryDirectory();
  writeFileSync(join(directory, 'token'), 'mine\n');
  const args = ['import', '--from-influxdb', url, '--token-file', 'token', '--state-dir', join(directory, 'state')];
  expect((await finished(args, { CREDENTIALS_DIRECTORY: '/nowhere' }, directory)).err).toMatch(/answers 401/);
  expect(given).toEqual(['Token mine']);
  const missing = await finished(args, {}, temporaryDirectory());
  expect([missing.code, missing.err]).toEqual([
    78,
    expect.stringMatching(/the secret's file \/.*\/token is not there/),
  ]);
});

test('while nothing listens, the person hears what is waited for', async () => {
  const url = `http://127.0.0.1:${await freePort()}`;
  const child = runCommand(['import', '--from-influxdb', url, '--state-dir', temporaryDirectory()]);
  const [said] = await child.printed(/^InfluxDB .* cannot be reached: .*; trying again for 20 s$/m);
  expect(said).toContain(url);
  await child.end('SIGKILL');
});
