import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { runCommand } from '../support/child.ts';
import { gateway } from '../support/gateway.ts';
import { notifyListener } from '../support/notify-listener.ts';
import { temporaryDirectory } from '../support/temporary.ts';

test('collect as a unit: ready, fed with a sentence that has the reading, read again, with mistakes as well, stopped', async (context) => {
  const { path, messages } = await notifyListener(context);
  const { port } = await gateway();
  const directory = temporaryDirectory();
  const file = join(directory, 'config.yaml');
  const config = (unit: number) => ({
    stateDir: join(directory, 'state'),
    meters: [{ name: 'house', model: 'we-515', unit, connection: { tcp: `127.0.0.1:${port}` } }],
  });
  writeFileSync(file, JSON.stringify(config(1)));
  const child = runCommand(['collect', '--config', file], { NOTIFY_SOCKET: path, WATCHDOG_USEC: '1500000' });
  const seen = (pattern: RegExp) =>
    expect.poll(() => messages().some((message) => pattern.test(message.join(' '))), { timeout: 20_000 }).toBe(true);
  await seen(/^READY=1 STATUS=house not read yet/);
  await seen(/^WATCHDOG=1 STATUS=house \d+ W at \d\d:\d\d:\d\d UTC/);
  writeFileSync(file, JSON.stringify(config(2)));
  child.process.kill('SIGHUP');
  await seen(/^RELOADING=1/);
  await expect.poll(() => messages().filter((message) => message.includes('READY=1')).length).toBe(2);
  writeFileSync(file, '{}');
  child.process.kill('SIGHUP');
  await expect.poll(() => messages().filter((message) => message.includes('READY=1')).length).toBe(3);
  await seen(/STATUS=house .* the changed configuration has mistakes, the one before stays in force/);
  expect(await child.end('SIGTERM')).toBe(0);
  expect(messages().at(-1)).toEqual(['STOPPING=1', 'STATUS=stops: writes what it has']);
});

test('a configuration with mistakes is never ready', async (context) => {
  const { path, messages } = await notifyListener(context);
  const file = join(temporaryDirectory(), 'config.yaml');
  writeFileSync(file, 'meters: []');
  const child = runCommand(['collect', '--config', file], { NOTIFY_SOCKET: path });
  expect(await child.ended).toBe(78);
  expect(messages()).toEqual([]);
});
