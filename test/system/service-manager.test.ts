import { setTimeout as sleep } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { ServiceManager } from '../../agent/system/service-manager.ts';
import { notifyListener } from '../support/notify-listener.ts';

test('what is told in one turn goes together, what comes meanwhile after it, each with its newest word', async (context) => {
  const { path, messages } = await notifyListener(context);
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

test('steps of its life are told one by one, whatever waits', async (context) => {
  const { path, messages } = await notifyListener(context);
  const manager = ServiceManager.fromEnvironment({ PATH: process.env.PATH, NOTIFY_SOCKET: path });
  manager?.tell({ WATCHDOG: '1', STATUS: 'reads' });
  await sleep(0);
  manager?.tell({ RELOADING: '1', STATUS: 'reads again' });
  manager?.tell({ READY: '1', STATUS: 'has read' });
  manager?.tell({ WATCHDOG: '1', STATUS: 'goes on' });
  manager?.tell({ STOPPING: '1', STATUS: 'stops' });
  await manager?.told();
  await expect.poll(messages).toEqual([
    ['WATCHDOG=1', 'STATUS=reads'],
    ['RELOADING=1', 'STATUS=reads again'],
    ['READY=1', 'STATUS=goes on', 'WATCHDOG=1'],
    ['STOPPING=1', 'STATUS=stops'],
  ]);
});

test('a sentence too long for systemd, of which it would take nothing, is cut; no NUL and no secret is in it', async (context) => {
  const { path, messages } = await notifyListener(context);
  const manager = ServiceManager.fromEnvironment({ PATH: process.env.PATH, NOTIFY_SOCKET: path });
  manager?.tell({ WATCHDOG: '1', STATUS: `PUT https://a/c?sig=verysecret\0 ${'°ä€'.repeat(2000)}` });
  await manager?.told();
  await expect.poll(messages).toHaveLength(1);
  const [[watchdog, sentence] = []] = messages();
  expect(watchdog).toBe('WATCHDOG=1');
  expect(sentence).toMatch(/^STATUS=PUT https:\/\/a\/c\?sig=\*\*\* [°ä€]{1000,} \.\.\.$/);
  expect(Buffer.byteLength(`${watchdog}\n${sentence}`)).toBeLessThan(4096);
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
