import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { gzipSync } from 'node:zlib';
import { expect, test } from 'vitest';
import { toLine } from '../../agent/influxdb/line-protocol.ts';
import { seededRandom } from '../../agent/simulator/random.ts';
import { finished, runCommand } from '../support/child.ts';
import { allReadings } from '../support/imports.ts';
import { temporaryDirectory } from '../support/temporary.ts';
import { readingAt } from './readings.ts';

const BASE = Date.UTC(2026, 2, 1);
const READINGS = 15_000;

/** Lines with a comment, an invalid one and a repeated one now and then: what the counts must get right. */
function lines(): string {
  const all: string[] = [];
  for (let i = 0; i < READINGS; i++) {
    all.push(toLine(readingAt(BASE + i * 1000)));
    if (i % 1000 === 500) all.push('# comment', 'energy voltage=x 1', toLine(readingAt(BASE + (i - 3) * 1000)));
  }
  return `${all.join('\n')}\n`;
}

/** Kills an import at random moments: starting, reading, within a commit, ending. Then it goes on to its end. */
export function testImportKills(kills: number, seed: number): void {
  for (const packed of [false, true]) {
    test(`${kills} times SIGKILL of an import of a ${packed ? 'packed ' : ''}file: resumed, it is as if it had never been cut off`, async () => {
      const random = seededRandom(seed);
      const directory = temporaryDirectory();
      const path = join(directory, packed ? 'history.lp.gz' : 'history.lp');
      writeFileSync(path, packed ? gzipSync(lines()) : lines());
      const args = (state: string) => ['import', path, '--state-dir', join(directory, state)];
      const whole = await finished(args('whole'));
      expect(whole.out).toContain(`${READINGS} new readings, 15 there already; left out: 15 invalid`);

      // Counts as well: of records, new ones, repeated ones and invalid ones.
      const counts = (out: string) => out.replace(/ \(.*/s, '');
      const readings = allReadings(join(directory, 'whole'));
      expect(readings).toHaveLength(READINGS);
      const check = (state: string, out: string) => {
        expect(counts(out)).toBe(counts(whole.out));
        expect(allReadings(join(directory, state))).toEqual(readings);
      };

      let resumed = 0;
      let states = 0;
      for (let kill = 0; kill < kills; kill++) {
        const child = runCommand(args(`cut${states}`));
        if (random() > 0.1) await Promise.race([child.ended, child.printed(/line protocol\n/).catch(() => undefined)]);
        await Promise.race([child.ended, sleep(random() * 250)]);
        await child.end('SIGKILL');
        if (child.errors().includes('going on behind record')) resumed++;
        // It was quicker than the kill: the next one begins anew.
        if (child.output().endsWith('\n')) check(`cut${states++}`, child.output());
      }
      const last = `cut${states}`;
      const rest = await finished(args(last));
      check(last, rest.out);
      expect(resumed).toBeGreaterThan(0);
      expect((await finished(args(last))).out).toContain(`: 0 new readings, ${READINGS + 15} there already`);
    });
  }
}
