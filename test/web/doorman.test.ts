import { createServer } from 'node:net';
import { expect, onTestFinished, test } from 'vitest';
import { Doorman } from '../../agent/web/doorman.ts';
import { freePort } from '../support/free-port.ts';

test('asked twice at once it listens once, and its end frees the port', async () => {
  const address = { host: 'localhost', port: await freePort() };
  const doorman = new Doorman(() => {});
  await Promise.all([doorman.reopen(address), doorman.reopen(address)]);
  doorman.close();
  const next = createServer();
  onTestFinished(() => void next.close());
  await expect(
    new Promise<string>((resolve, reject) => {
      next.once('error', reject).listen(address, () => resolve('free'));
    }),
  ).resolves.toBe('free');
});
