import { expect, test } from 'vitest';
import { seededRandom } from '../../agent/simulator/random.ts';
import { heldOf } from '../support/held.ts';
import { Machine, worstError } from '../support/machine.ts';
import { readAll } from '../support/open-journal.ts';
import { temporaryDirectory } from '../support/temporary.ts';

const RELATIVE_STEPS_MS = [400, 600, -600, 1500, 90_000, 3_600_000, -90_000, -3_600_000, 172_800_000, -172_800_000];

const STEPS = 5;
const METERS = 2;

/** A machine that wakes up somewhere and whose clock is set here and there, until a time server answers. */
async function live(seed: number) {
  const random = seededRandom(seed);
  const pick = <T>(list: readonly T[]): T => list[Math.floor(random() * list.length)] as T;
  const stateDir = temporaryDirectory();
  const machine = new Machine(pick([0, 1234.5]));
  machine.holdMs = 3_600_000;
  machine.start(stateDir, { house: 1000, barn: pick([200, 10_000]) });
  for (let step = 0; step < STEPS; step++) {
    machine.after(random() * 20_000, () => {
      if (random() < 0.3) machine.setWall(machine.trueMs + pick([-7_200_000, 0, 456.7]));
      else machine.stepWall(pick(RELATIVE_STEPS_MS));
    });
    await machine.run(5000 + random() * 20_000);
    if (random() < 0.5) machine.journal.flush();
  }
  // What is still to come has happened.
  await machine.run(20_000);
  machine.synchronize();
  await machine.run(20_000);
  machine.journal.flush();
  await machine.stop();
  return { machine, stateDir };
}

test.each(
  Array.from({ length: 12 }, (_, i) => i + 1),
)('however the clock is set before a server answers: no second twice, no reading lost, all times true (seed %i)', async (seed) => {
  const { machine, stateDir } = await live(seed);
  const { readings } = readAll(stateDir);
  const taken = machine.outcomes.filter((outcome) => 'reading' in outcome).length;
  const aside = heldOf(stateDir).reduce((sum, group) => sum + group.readings, 0);
  expect(readings.length + aside).toBe(taken);
  expect(new Set(readings.map(({ series, timeMs }) => `${series.meter} ${timeMs}`)).size).toBe(readings.length);
  // A step that is smaller is drift.
  expect(worstError(readings)).toBeLessThan(100);
  // After a step by a part of a second, two samples can have been taken within one.
  expect(aside).toBeLessThanOrEqual(METERS * STEPS);
});
