import { expect, test } from 'vitest';
import { prune } from '../../../agent/backup/prune.ts';
import { verify } from '../../../agent/backup/verify.ts';
import { namesOf, openQuickly } from '../../support/azure-stores.ts';
import { azuriteForAll } from '../../support/azurite.ts';
import { ALL, backUp, contents, newKeys, openRepository } from '../../support/backups.ts';
import { runScript } from '../../support/child.ts';
import { FaultProxy } from '../../support/fault-proxy.ts';
import { fillJournal, secondsFrom } from '../../support/forwarding.ts';
import { temporaryDirectory } from '../../support/temporary.ts';

const azurite = azuriteForAll();

/** 2026-03-01T00:00:00Z */
const FIRST_S = 1_772_323_200;
const DAY_S = 86_400;

test('a journal is backed up into Azure, verified, opened with the key, and pruned, over a line with faults', async () => {
  const container = await azurite().container();
  const proxy = await FaultProxy.start(azurite().url);
  const credential = { kind: 'sas', text: azurite().sas(container, 'rcld') } as const;
  const store = await openQuickly({ url: `${azurite().urlOf(container, proxy.url)}/house`, credential, pageSize: 4 });
  proxy.faultFor = (_, n) => (n % 5 === 2 ? { kind: 'reply-lost' } : undefined);
  const stateDir = temporaryDirectory();
  const keys = await newKeys();
  for (let day = 0; day < 4; day++) {
    fillJournal(stateDir, secondsFrom(FIRST_S + day * DAY_S + 3600, 50));
    const result = await backUp(stateDir, store, { recipients: [keys.recipient] });
    expect(result).toMatchObject({
      sequence: day + 1,
      verified: true,
      problems: [],
      counts: { energy: 50 * (day + 1) },
    });
  }
  const unchanged = await backUp(stateDir, store, { recipients: [keys.recipient] });
  expect(unchanged).toMatchObject({ verified: true, sentObjects: 0 });
  const repository = await openRepository(store, keys);
  const whole = await contents(repository, unchanged.name);
  expect(whole.size).toBeGreaterThan(4);
  const pruned = await prune(repository, { keepLast: 1 }, { verified: new Set([1, 2, 3, 4, 5]) });
  expect(pruned).toMatchObject({ removedSnapshots: 4, left: undefined });
  expect(await verify(repository, await repository.names(), { ...ALL, files: true })).toMatchObject({
    snapshots: 1,
    problems: [],
    files: whole.size,
  });
  expect(await contents(repository, unchanged.name)).toEqual(whole);
  expect(await namesOf(store, 'lock')).toEqual([]);
});

test('a process that used the store ends by itself, though the server would keep its connection for a minute', async () => {
  const container = await azurite().container();
  const proxy = await FaultProxy.start(azurite().url);
  const ports = new Set<number | undefined>();
  proxy.onRequest = ({ socket }) => void ports.add(socket.remotePort);
  const place = [azurite().urlOf(container, proxy.url), azurite().connectionString(proxy.url)];
  const child = runScript('test/support/azure-child.ts', ['azure', ...place, '10', '1000']);
  expect(await child.ended).toBe(0);
  expect(child.output()).toContain('mostKiB');
  expect([proxy.requests, ports.size]).toEqual([11, 1]);
}, 30_000);
