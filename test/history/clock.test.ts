import { expect, test } from 'vitest';
import type { Reading } from '../../agent/readings/reading.ts';
import { NOON_MS } from '../support/clocks.ts';
import { commit, keepUp, openHistory, readingsOf } from '../support/history.ts';
import { Machine } from '../support/machine.ts';
import { readAll } from '../support/open-journal.ts';
import { HOUSE } from '../support/readings.ts';
import { temporaryDirectory } from '../support/temporary.ts';
import { inOrder, summaryOf } from './reference.ts';

const MINUTE_MS = 60_000;
const DAY_MS = 86_400_000;

/** Each level has the journal's readings, and no others. */
function expectAsJournal(stateDir: string): void {
  const { readings } = readAll(stateDir);
  const history = openHistory(stateDir, 'UTC');
  const span = { fromMs: NOON_MS - 4 * DAY_MS, toMs: NOON_MS + 4 * DAY_MS };
  for (const meter of ['house', 'barn']) {
    const own: Reading[] = inOrder(readings.filter(({ series }) => series.meter === meter));
    for (const resolution of ['minute', 'quarter', 'hour', 'day'] as const) {
      const points = history.points({ ...span, meter }, resolution).flatMap((one) => one.points);
      const counts = points.map((point) => [point.fromMs, point.count, point.quantities.active_energy?.last]);
      const expected = points.map((point) => {
        const { count, quantities } = summaryOf(own, point);
        return [point.fromMs, count, quantities.active_energy?.last];
      });
      expect(counts).toEqual(expected);
      expect(points.reduce((sum, { count }) => sum + count, 0)).toBe(own.length);
    }
  }
}

test.each([
  ['forward', 2 * DAY_MS],
  ['back', -2 * DAY_MS],
  ['by two minutes', 2 * MINUTE_MS + 345],
  ['back by two minutes', -2 * MINUTE_MS - 345],
])('readings of a clock that was wrong, set %s, leave the history as they leave the journal', async (_, byMs) => {
  const stateDir = temporaryDirectory();
  const machine = new Machine(NOON_MS - byMs);
  machine.evidence.hasRtc = true;
  machine.start(stateDir, { house: 1000, barn: 10_000 });
  // Samples are under way when the clock is set.
  await machine.run(20 * MINUTE_MS + 100);
  machine.journal.flush();
  keepUp(stateDir, { timeZone: 'UTC' });
  expectAsJournal(stateDir);
  machine.synchronize();
  machine.watch.look();
  for (let flush = 0; flush < 20; flush++) {
    await machine.run(10_000);
    machine.journal.flush();
    // Also in the middle of it, before and after the history has looked.
    if (flush % 3 === 1) expectAsJournal(stateDir);
    if (flush % 3 === 2) keepUp(stateDir, { timeZone: 'UTC' });
  }
  await machine.stop();
  expectAsJournal(stateDir);
  keepUp(stateDir, { timeZone: 'UTC' });
  expectAsJournal(stateDir);
  expect(
    openHistory(stateDir, 'UTC')
      .energy({ fromMs: NOON_MS - DAY_MS, toMs: NOON_MS + DAY_MS, meter: 'house' }, 'hour')
      .flatMap(({ periods }) => periods.filter(({ energies }) => (energies.active_energy?.breaks ?? 0) > 0)),
  ).toEqual([]);
});

test('what others have read at the same times stays', async () => {
  const stateDir = temporaryDirectory();
  const machine = new Machine(NOON_MS - DAY_MS);
  machine.evidence.hasRtc = true;
  const others = readingsOf({ ...HOUSE, meter: 'barn' }, NOON_MS - DAY_MS - 30 * MINUTE_MS, 120, 30_000, () => ({
    active_energy: 7,
  }));
  machine.start(stateDir, { house: 1000 });
  await machine.run(10 * MINUTE_MS + 500);
  machine.journal.flush();
  commit(stateDir, others);
  keepUp(stateDir, { timeZone: 'UTC' });
  machine.synchronize();
  for (let flush = 0; flush < 10; flush++) {
    await machine.run(10_000);
    machine.journal.flush();
  }
  await machine.stop();
  keepUp(stateDir, { timeZone: 'UTC' });
  expectAsJournal(stateDir);
});
