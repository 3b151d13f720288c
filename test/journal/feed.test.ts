import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { expect, test } from 'vitest';
import { BEGINNING } from '../../agent/journal/cursors.ts';
import { Feed } from '../../agent/journal/feed.ts';
import { open, timesOf } from '../support/open-journal.ts';
import { DECIMALS, HOUSE, readingAt } from '../support/readings.ts';
import { temporaryDirectory } from '../support/temporary.ts';

test('cursors: each consumer goes on where it was, and gets what arrived late behind it', () => {
  const stateDir = temporaryDirectory();
  const journal = open(stateDir, { commitIntervalMs: 0 });
  const appendAll = (...seconds: number[]) => {
    for (const second of seconds) journal.append(readingAt(second * 1000), DECIMALS);
    journal.flush();
  };
  appendAll(1, 2, 5, 6);
  const feed = new Feed(stateDir);
  const takeAll = (consumer: string, limit: number) => {
    const { deliveries, position } = feed.after(journal.cursors.find(consumer) ?? BEGINNING, limit);
    journal.cursors.advance(consumer, { ...position, generation: 0 });
    return timesOf(deliveries);
  };
  expect(takeAll('influx', 3)).toEqual([1, 2, 5]);
  appendAll(3, 7);
  appendAll(4);
  expect(takeAll('influx', 100)).toEqual([3, 4, 6, 7]);
  expect(takeAll('influx', 100)).toEqual([]);
  expect(takeAll('other', 100)).toEqual([1, 2, 3, 4, 5, 6, 7]);
  expect(takeAll('other', 100)).toEqual([]);
  expect(journal.cursors.all().map(({ consumer }) => consumer)).toEqual(['influx', 'other']);
  feed.close();
  journal.close();
  const again = open(stateDir);
  again.append(readingAt(8000), DECIMALS);
  again.flush();
  const later = new Feed(stateDir);
  expect(timesOf(later.after(again.cursors.find('influx') ?? BEGINNING, 10).deliveries)).toEqual([8]);
  later.close();
  again.close();
});

test('a row that cannot be read is left out and said, and holds up no consumer', () => {
  const stateDir = temporaryDirectory();
  const journal = open(stateDir);
  for (let second = 1; second <= 5; second++) journal.append(readingAt(second * 1000), DECIMALS);
  journal.close();
  const db = new DatabaseSync(join(stateDir, 'journal.db'));
  db.exec("UPDATE reading SET data = x'ff' WHERE key = (SELECT key FROM reading ORDER BY key LIMIT 1 OFFSET 2)");
  db.close();
  const damaged: number[] = [];
  const feed = new Feed(stateDir, { onDamaged: (key) => damaged.push(key) });
  const { deliveries, more } = feed.after(BEGINNING, 5);
  expect(timesOf(deliveries)).toEqual([1, 2, 4, 5]);
  expect(damaged).toHaveLength(1);
  expect(more).toBe(true);
  feed.close();
});

test('a consumer of some measurements passes the others, and misses none that comes late', () => {
  const stateDir = temporaryDirectory();
  const pi = { ...HOUSE, measurement: 'host', meter: 'pi' };
  const journal = open(stateDir);
  journal.cursors.set('influxdb/host', BEGINNING);
  journal.append(readingAt(1000, pi), DECIMALS);
  for (let second = 2; second <= 50; second++) journal.append(readingAt(second * 1000), DECIMALS);
  journal.flush();
  const feed = new Feed(stateDir, { wants: (measurement) => measurement === 'host' });
  const first = feed.after(BEGINNING, 10);
  expect([timesOf(first.deliveries), first.more]).toEqual([[1], false]);
  journal.append(readingAt(40_000, pi), DECIMALS);
  journal.append(readingAt(60_000), DECIMALS);
  journal.close();
  expect(timesOf(feed.after(first.position, 10).deliveries)).toEqual([40]);
  feed.close();
});
