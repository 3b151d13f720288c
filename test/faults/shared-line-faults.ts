import { describe, expect, test } from 'vitest';
import { wrongValues } from '../support/fast-line.ts';
import { SECOND_MS, type SharedMeter, type SharedRunOptions, sharedRun } from '../support/shared-line.ts';

const DEAD_FROM_MS = 2500;

interface OtherMeter extends SharedMeter {
  /** What a run of it has to contain. */
  has: 'gaps' | 'either';
}

/** Units are chosen so that no reply with a wrong unit is that of another meter: no line makes one of those with a good CRC. */
const OTHERS: [string, OtherMeter][] = [
  ['one that dies', { unit: 5, answers: (sinceMs) => sinceMs < DEAD_FROM_MS, has: 'gaps' }],
  ['a dead one', { unit: 5, answers: () => false, has: 'gaps' }],
  // Just within its time-out: how many of its replies are late is the machine's to say.
  ['a slow one', { unit: 9, turnaroundMs: 55, has: 'either' }],
  ['one slower than its time-out', { unit: 9, turnaroundMs: 90, has: 'gaps' }],
  ['a flapping one', { unit: 13, answers: (sinceMs) => Math.floor(sinceMs / 1700) % 2 === 0, has: 'gaps' }],
  ['one that answers half of its requests', { unit: 13, answers: (_sinceMs, random) => random() < 0.5, has: 'gaps' }],
];

/**
 * Good meters beside one that is not, on real lines: nothing wrong is read of any, and the good ones go on. That they miss
 * nothing at all is for test/sources/sharing.test.ts, where no busy machine is in the way.
 */
export function describeSharedLineFaults(
  transport: SharedRunOptions['transport'],
  ticks: number,
  seed: number,
  others = OTHERS.map(([name]) => name),
): void {
  describe(`meters on one line over ${transport}, ${ticks} ticks, seed ${seed}`, () => {
    test.for(OTHERS.filter(([name]) => others.includes(name)))('beside %s the good ones go on', async ([, other]) => {
      const runs = await sharedRun({ seed, ticks, transport, meters: [{ unit: 1 }, { unit: 21 }, other] });
      for (const run of runs.values()) expect(wrongValues(run, SECOND_MS)).toEqual([]);
      for (const unit of [1, 21]) {
        expect(runs.get(unit)?.readings.length).toBeGreaterThan(ticks * 0.5);
      }
      const bad = runs.get(other.unit);
      // Each of its seconds is accounted for: a reading or a gap.
      expect((bad?.readings.length ?? 0) + (bad?.gaps.length ?? 0)).toBe(bad?.outcomes.length);
      expect(bad?.outcomes.length).toBeGreaterThan(0);
      if (other.has === 'gaps') expect(bad?.gaps.length).toBeGreaterThan(0);
    });
  });
}
