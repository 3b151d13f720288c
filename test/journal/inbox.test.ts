import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { BEGINNING } from '../../agent/journal/cursors.ts';
import { Feed } from '../../agent/journal/feed.ts';
import { deliver } from '../../agent/journal/inbox.ts';
import { Journal } from '../../agent/journal/journal.ts';
import { CollectorLock } from '../../agent/journal/lock.ts';
import { DECIMALS, HOUSE, readingAt } from '../support/readings.ts';
import { silentLog } from '../support/silent-log.ts';
import { temporaryDirectory } from '../support/temporary.ts';

const PI = { ...HOUSE, measurement: 'host', meter: 'pi' };
const entryAt = (timeMs: number) => ({ kind: 'reading', reading: readingAt(timeMs, PI), decimals: DECIMALS }) as const;

function durable(stateDir: string): number[] {
  const feed = new Feed(stateDir);
  const times = feed.after(BEGINNING, 100).deliveries.map(({ reading }) => reading.timeMs);
  feed.close();
  return times;
}

test('without a collector entries are committed at once', () => {
  const stateDir = join(temporaryDirectory(), 'state');
  deliver(stateDir, [entryAt(1000)]);
  deliver(stateDir, [entryAt(2000)]);
  expect(durable(stateDir)).toEqual([1000, 2000]);
  expect(CollectorLock.isHeld(stateDir)).toBe(false);
});

test('while a collector runs they wait in memory for its next flush', () => {
  const stateDir = temporaryDirectory();
  const journal = Journal.open({ stateDir, flushIntervalMs: 3_600_000, log: silentLog });
  expect(CollectorLock.isHeld(stateDir)).toBe(true);
  deliver(stateDir, [entryAt(1000)]);
  deliver(stateDir, [entryAt(2000)]);
  expect(durable(stateDir)).toEqual([]);
  journal.flush();
  expect(durable(stateDir)).toEqual([1000, 2000]);
  expect(readdirSync(join(journal.runtime.path, 'inbox'))).toEqual([]);
  journal.close();
});

test('what was posted when the collector ended is taken at its end or by the next one', () => {
  const stateDir = temporaryDirectory();
  const journal = Journal.open({ stateDir, flushIntervalMs: 3_600_000, log: silentLog });
  deliver(stateDir, [entryAt(1000)]);
  journal.close();
  expect(durable(stateDir)).toEqual([1000]);
});
