import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect, type TestContext, test } from 'vitest';
import { ServiceManager } from '../../agent/system/service-manager.ts';
import { runProgram } from '../support/child.ts';
import { PYTHON, requireProgram } from '../support/requires.ts';
import { temporaryDirectory } from '../support/temporary.ts';

/** Node has no Unix datagram sockets. What is not asked for, as the barrier's descriptor, is closed: that ends the barrier. */
const RECEIVER = `
import json, socket, sys
receiver = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
receiver.bind(sys.argv[1])
print('bound', flush=True)
while True:
    message = receiver.recv(65536).decode()
    if message != 'BARRIER=1':
        print(json.dumps(message.split('\\n')), flush=True)
`;

/** A socket as systemd has it, and what came. */
async function listener(context: TestContext) {
  requireProgram(context, 'systemd-notify');
  const path = join(temporaryDirectory(), 'notify');
  const child = runProgram(PYTHON, ['-c', RECEIVER, path]);
  await child.printed(/bound/);
  const messages = () =>
    child
      .output()
      .split('\n')
      .slice(1, -1)
      .map((line) => JSON.parse(line));
  return { path, messages };
}

test('what is told in one turn goes together, what comes meanwhile after it, each with its newest word', async (context) => {
  const { path, messages } = await listener(context);
  const manager = ServiceManager.fromEnvironment({ PATH: process.env.PATH, NOTIFY_SOCKET: path });
  manager?.tell({ READY: '1' });
  manager?.tell({ STATUS: 'a first\n  sentence' });
  await sleep(0);
  manager?.tell({ WATCHDOG: '1', STATUS: 'a second' });
  manager?.tell({ STATUS: 'a third' });
  await manager?.told();
  await expect.poll(messages).toEqual([
    ['READY=1', 'STATUS=a first sentence'],
    ['WATCHDOG=1', 'STATUS=a third'],
  ]);
});

test('nobody listens: there is no manager', () => {
  expect(ServiceManager.fromEnvironment({})).toBeUndefined();
});

test('children do not inherit the socket, and the watchdog is the one of this process', () => {
  const environment = { NOTIFY_SOCKET: '/run/x', WATCHDOG_USEC: '60000000', WATCHDOG_PID: String(process.pid), A: '1' };
  expect(ServiceManager.fromEnvironment(environment)?.watchdogMs).toBe(60_000);
  expect(environment).toEqual({ A: '1' });
  const other = { NOTIFY_SOCKET: '/run/x', WATCHDOG_USEC: '60000000', WATCHDOG_PID: '1' };
  expect(ServiceManager.fromEnvironment(other)?.watchdogMs).toBeUndefined();
  expect(ServiceManager.fromEnvironment({ NOTIFY_SOCKET: '/run/x' })?.watchdogMs).toBeUndefined();
});

test('a socket that is gone, or a program that is missing, disturbs nothing', async () => {
  const gone = ServiceManager.fromEnvironment({ PATH: process.env.PATH, NOTIFY_SOCKET: '/nowhere/notify' });
  gone?.tell({ READY: '1' });
  await expect(gone?.told()).resolves.toBeUndefined();
  const missing = ServiceManager.fromEnvironment({ PATH: '/nowhere', NOTIFY_SOCKET: '/nowhere/notify' });
  missing?.tell({ READY: '1' });
  await expect(missing?.told()).resolves.toBeUndefined();
});
