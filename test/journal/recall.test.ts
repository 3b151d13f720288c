import { expect, test } from 'vitest';
import { openForWriting } from '../../agent/journal/database.ts';
import { NOON_MS } from '../support/clocks.ts';
import { heldOf } from '../support/held.ts';
import { open, readAll } from '../support/open-journal.ts';
import { DECIMALS, readingAt } from '../support/readings.ts';
import { temporaryDirectory } from '../support/temporary.ts';

const TWO_DAYS_MS = 172_800_000;
const clockAt = (offsetMs: number, confirmed: boolean) => ({ boot: 'this-boot', offsetMs, confirmed });

test.each([
  ['behind', -TWO_DAYS_MS],
  ['ahead', TWO_DAYS_MS],
])('a clock that was %s is set while the disk refuses: its readings move once there is room, and no other', (_, errorMs) => {
  const stateDir = temporaryDirectory();
  const journal = open(stateDir, { commitIntervalMs: 0 });
  const append = (fromSecond: number, toSecond: number, byMs: number) => {
    for (let second = fromSecond; second <= toSecond; second++)
      journal.append({ ...readingAt(NOON_MS + second * 1000), timeMs: NOON_MS + second * 1000 + byMs }, DECIMALS);
  };
  journal.setClock(clockAt(NOON_MS + errorMs, false));
  append(1, 3, errorMs);
  journal.flush();
  const other = openForWriting(stateDir);
  other.exec('BEGIN IMMEDIATE');
  append(4, 5, errorMs);
  journal.setClock(clockAt(NOON_MS, true));
  append(6, 7, 0);
  journal.flush();
  other.exec('ROLLBACK');
  other.close();
  append(8, 8, 0);
  for (let flush = 0; flush < 4; flush++) journal.flush();
  journal.close();
  const { readings } = readAll(stateDir);
  expect(readings).toEqual([1, 2, 3, 4, 5, 6, 7, 8].map((second) => readingAt(NOON_MS + second * 1000)));
  expect(heldOf(stateDir)).toEqual([]);
});

test('two clocks become known while the disk refuses: what was read by each gets its own time', () => {
  const stateDir = temporaryDirectory();
  const journal = open(stateDir, { commitIntervalMs: 0 });
  journal.append(readingAt(NOON_MS - 10_000), DECIMALS);
  journal.flush();
  const other = openForWriting(stateDir);
  other.exec('BEGIN IMMEDIATE');
  journal.setClock(clockAt(NOON_MS + TWO_DAYS_MS, false));
  journal.append({ ...readingAt(NOON_MS + 1000), timeMs: NOON_MS + 1000 + TWO_DAYS_MS }, DECIMALS);
  journal.setClock(clockAt(NOON_MS, true));
  journal.append(readingAt(NOON_MS + 2000), DECIMALS);
  other.exec('ROLLBACK');
  other.close();
  for (let flush = 0; flush < 4; flush++) journal.flush();
  journal.close();
  const { readings } = readAll(stateDir);
  expect(readings).toEqual([-10, 1, 2].map((second) => readingAt(NOON_MS + second * 1000)));
});
