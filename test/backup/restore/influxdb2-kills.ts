import { setTimeout as sleep } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { DirectoryStore } from '../../../agent/backup/directory-store.ts';
import { seededRandom } from '../../../agent/simulator/random.ts';
import { fill, secondsOf, write } from '../../influxdb/snapshot/filled-server.ts';
import { backUp } from '../../support/backups.ts';
import { REPOSITORY, runScript } from '../../support/child.ts';
import { fillJournal } from '../../support/forwarding.ts';
import { bucketNames, mixedLines, pointsOf } from '../../support/influx-snapshots.ts';
import { requireInfluxd, startInfluxd } from '../../support/influxd.ts';
import { influxdb2Source } from '../../support/source-files.ts';
import { temporaryDirectory } from '../../support/temporary.ts';

const CHILD = `${REPOSITORY}/test/support/restore-child.ts`;
const RUN_MS = 400;

/** A restore is killed at random moments, some of them with its server; the run after the last starts clean and is whole. */
export function testKilledRestores(kills: number, seed: number): void {
  test(`${kills} kills of a restore`, async (context) => {
    requireInfluxd(context);
    const influxd = await startInfluxd();
    const { url } = influxd;
    const { operator: token } = await fill(url);
    for (const day of [0, 1, 2]) await write(url, token, mixedLines(secondsOf(day, 4000)));
    const stateDir = temporaryDirectory();
    fillJournal(stateDir, secondsOf(0));
    const place = temporaryDirectory();
    await backUp(stateDir, await DirectoryStore.open(place), { sources: [influxdb2Source(url, token)] });
    const random = seededRandom(seed);
    for (let kill = 0; kill < kills; kill++) {
      const child = runScript(CHILD, [place, url, token]);
      await child.printed(/restoring/);
      await sleep(random() * RUN_MS);
      const withServer = random() < 0.3;
      if (withServer) await influxd.end('SIGKILL');
      await child.end('SIGKILL');
      if (withServer) await influxd.start();
      await removeFinished(url, token);
    }
    const last = runScript(CHILD, [place, url, token]);
    expect(await last.ended, last.errors()).toBe(0);
    const access = { url, token, org: 'home' };
    expect(await pointsOf(access, 'restored')).toEqual(await pointsOf(access, 'energy'));
    expect(await bucketNames(access)).toEqual(['energy', 'other', 'restored']);
  });
}

/** A restore that was whole before it was killed: the name is taken from then on. */
async function removeFinished(url: string, token: string): Promise<void> {
  const headers = { authorization: `Token ${token}` };
  const answer = await fetch(`${url}/api/v2/buckets?name=restored`, { headers });
  const { buckets = [] } = (await answer.json()) as { buckets?: { id: string; description?: string }[] };
  for (const { id, description = '' } of buckets) {
    if (!description.includes('unfinished')) await fetch(`${url}/api/v2/buckets/${id}`, { method: 'DELETE', headers });
  }
}
