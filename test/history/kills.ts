import { setTimeout as sleep } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { seededRandom } from '../../agent/simulator/random.ts';
import { REPOSITORY, runScript } from '../support/child.ts';
import { bring, commit, keepUp, openHistory } from '../support/history.ts';
import { temporaryDirectory } from '../support/temporary.ts';
import { expectRight, type FuzzCase, someReadings } from './fuzz.ts';

/** Kills the history's process in the middle of its work, again and again, while readings come in any order. */
export function testHistoryKills(kills: number, seed: number): void {
  test(`${kills} times SIGKILL while the history is kept up: nothing is missing, nothing counted twice`, async () => {
    const random = seededRandom(seed);
    const fuzz: FuzzCase = { zone: 'Europe/Berlin', fromMs: Date.parse('2026-10-24T12:00Z'), hours: 60, seed };
    const stateDir = temporaryDirectory();
    const all = someReadings(fuzz);
    const order = all
      .map((reading) => ({ reading, at: random() * 0.3 + reading.timeMs / 1e9 }))
      .sort((a, b) => a.at - b.at);
    const portion = Math.ceil(all.length / kills);
    let killed = 0;
    for (let at = 0; at < order.length; at += portion) {
      const part = order.slice(at, at + portion).map(({ reading }) => reading);
      if (random() < 0.5) commit(stateDir, part);
      else bring(stateDir, part);
      const child = runScript(`${REPOSITORY}/test/support/history-child.ts`, [stateDir]);
      await child.printed(/step/);
      await sleep(random() * 40);
      await child.end('SIGKILL');
      if (child.process.signalCode === 'SIGKILL') killed++;
    }
    expect(killed).toBeGreaterThan(kills / 2);
    expectRight(openHistory(stateDir), all, fuzz);
    keepUp(stateDir);
    expectRight(openHistory(stateDir), all, fuzz);
  });
}
