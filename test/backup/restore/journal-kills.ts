import { existsSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { DirectoryStore } from '../../../agent/backup/directory-store.ts';
import { journalPath } from '../../../agent/journal/database.ts';
import { JournalReader } from '../../../agent/journal/reader.ts';
import { seededRandom } from '../../../agent/simulator/random.ts';
import { backUp, newKeys } from '../../support/backups.ts';
import { REPOSITORY, runProgram } from '../../support/child.ts';
import { fillJournal, secondsFrom } from '../../support/forwarding.ts';
import { temporaryDirectory } from '../../support/temporary.ts';

const FIRST_S = 1_772_323_200;
const READINGS = 30 * 2000;
/** From the start of the process to its end. */
const RUN_MS = 900;

/** Restores are killed at random moments: there is no journal or a whole one, and the next run makes it. */
export function testRestoreKills(kills: number, seed: number): void {
  test(`${kills} kills of a restore: no journal or a whole one, and the next run completes`, async () => {
    const random = seededRandom(seed);
    const directory = temporaryDirectory();
    const [source, place, key] = ['source', 'place', 'key'].map((name) => join(directory, name)) as [
      string,
      string,
      string,
    ];
    for (let day = 0; day < 30; day++) fillJournal(source, secondsFrom(FIRST_S + day * 86_400, 2000));
    const keys = await newKeys();
    writeFileSync(key, keys.identity);
    await backUp(source, await DirectoryStore.open(place), { recipients: [keys.recipient] });
    let unfinished = 0;
    let target = join(directory, 'target-0');
    const restore = () =>
      runProgram(join(REPOSITORY, 'agent/energy-monitor'), [
        ...['restore', '--from', place, '--identity-file', key],
        ...['--state-dir', target, '--config', join(target, 'config.yaml')],
      ]);
    for (let kill = 1; kill <= kills; kill++) {
      const child = restore();
      await sleep(random() * RUN_MS);
      await child.end('SIGKILL');
      if (!existsSync(journalPath(target))) {
        unfinished++;
        continue;
      }
      expect(countOf(target)).toBe(READINGS);
      expect(existsSync(join(target, 'backup/places.json'))).toBe(true);
      target = join(directory, `target-${kill}`);
    }
    expect(unfinished).toBeGreaterThan(0);
    if (!existsSync(journalPath(target))) expect(await restore().ended).toBe(0);
    expect(countOf(target)).toBe(READINGS);
    expect(readdirSync(target).filter((name) => name.includes('restoring'))).toEqual([]);
  });
}

function countOf(stateDir: string): number {
  const reader = new JournalReader(stateDir);
  const { readings } = reader.counts();
  reader.close();
  return readings;
}
