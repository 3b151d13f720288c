import { setTimeout as sleep } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { openAzureStore } from '../../agent/backup/azure/azure-store.ts';
import { DirectoryStore } from '../../agent/backup/directory-store.ts';
import { prune } from '../../agent/backup/prune.ts';
import type { Store } from '../../agent/backup/store.ts';
import { verify } from '../../agent/backup/verify.ts';
import { seededRandom } from '../../agent/simulator/random.ts';
import { Azurite, requireAzurite } from '../support/azurite.ts';
import { ALL, backUp, openRepository } from '../support/backups.ts';
import { REPOSITORY, runScript } from '../support/child.ts';
import { fillJournal, secondsFrom } from '../support/forwarding.ts';
import { temporaryDirectory } from '../support/temporary.ts';

/** 2026-03-01T00:00:00Z */
const FIRST_S = 1_772_323_200;

/** A place for backups, how a child finds it, and how this test does. */
interface Place {
  argument: string;
  env: NodeJS.ProcessEnv;
  open: () => Promise<Store>;
  /** A run takes so long about. */
  runMs: number;
}

/** Backups and prunings are killed at random moments; the repository is whole each time, and the next run completes. */
export function testKills(kills: number, seed: number): void {
  test(`${kills} kills of backup and prune in a directory`, async () => {
    const argument = temporaryDirectory();
    await killAndLook({ argument, env: {}, open: () => DirectoryStore.open(argument), runMs: 150 }, kills, seed);
  });
  test(`${kills} kills of backup and prune in Azure`, async (context) => {
    requireAzurite(context);
    const azurite = await Azurite.start();
    try {
      const url = azurite.urlOf(await azurite.container());
      const text = azurite.connectionString();
      const open = () => openAzureStore({ url, credential: { kind: 'connectionString', text } });
      await killAndLook({ argument: url, env: { AZURE_CONNECTION_STRING: text }, open, runMs: 800 }, kills, seed);
    } finally {
      await azurite.stop();
    }
  });
}

async function killAndLook({ argument, env, open, runMs }: Place, kills: number, seed: number): Promise<void> {
  const random = seededRandom(seed);
  const stateDir = temporaryDirectory();
  for (let day = 0; day < 30; day++) fillJournal(stateDir, secondsFrom(FIRST_S + day * 86_400, 30));
  for (let kill = 0; kill < kills; kill++) {
    fillJournal(stateDir, secondsFrom(FIRST_S + Math.floor(random() * 30) * 86_400 + 1000 + kill * 10, 5));
    const child = runScript(`${REPOSITORY}/test/support/backup-child.ts`, [stateDir, argument], env);
    await child.printed(/\n/);
    await sleep(random() * runMs);
    await child.end('SIGKILL');
    const repository = await openRepository(await open()).catch(() => undefined);
    if (repository) {
      const names = await repository.names();
      expect((await verify(repository, names, ALL)).problems).toEqual(names.length > 0 ? [] : ['there is no backup']);
    }
  }
  const store = await open();
  const last = await backUp(stateDir, store);
  expect(last).toMatchObject({ verified: true, counts: { energy: 30 * 30 + kills * 5 } });
  const repository = await openRepository(store);
  await prune(repository, { keepLast: 1 }, { verified: new Set() });
  expect(await verify(repository, await repository.names(), ALL)).toMatchObject({ snapshots: 1, problems: [] });
}
