import { readdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { CursorKeeper } from '../../agent/forwarding/cursor-keeper.ts';
import { Cursors } from '../../agent/journal/cursors.ts';
import { openForWriting } from '../../agent/journal/database.ts';
import { silentLog } from '../support/silent-log.ts';
import { temporaryDirectory } from '../support/temporary.ts';

function journal() {
  const db = openForWriting(temporaryDirectory());
  onTestFinished(() => db.close());
  const cursors = new Cursors(db);
  const runtimeDirectory = temporaryDirectory();
  const keeper = (consumer = 'influx') => new CursorKeeper({ consumer, cursors, runtimeDirectory, log: silentLog });
  return { cursors, runtimeDirectory, keeper };
}

test('a killed consumer goes on exactly where it was, although the journal has an older position', () => {
  const { cursors, keeper } = journal();
  keeper().advance({ key: 7, late: 2 }, false);
  expect(cursors.find('influx')).toMatchObject({ key: 0 });
  expect(keeper().position).toEqual({ key: 7, late: 2 });
});

test('after a power cut it goes on from the position in the journal', () => {
  const { runtimeDirectory, keeper } = journal();
  const first = keeper();
  first.advance({ key: 7, late: 0 }, false);
  first.save();
  first.advance({ key: 9, late: 0 }, false);
  for (const name of readdirSync(runtimeDirectory)) rmSync(join(runtimeDirectory, name));
  expect(keeper().position).toEqual({ key: 7, late: 0 });
});

test('a cursor that was set from outside counts, for a running consumer and for the next one', () => {
  const { cursors, keeper } = journal();
  const running = keeper();
  running.advance({ key: 7, late: 0 }, false);
  expect(running.refresh()).toBe(false);
  cursors.set('influx', { key: 3, late: 0 });
  expect(running.refresh()).toBe(true);
  expect(running.position).toEqual({ key: 3, late: 0 });
  running.advance({ key: 8, late: 0 }, false);
  cursors.set('influx', { key: 1, late: 0 });
  // Its own save comes too late: the position that was set stays.
  running.save();
  expect(cursors.find('influx')).toMatchObject({ key: 1 });
  expect(keeper().position).toEqual({ key: 1, late: 0 });
});

test('consumers are kept apart, also those whose names are no file names', () => {
  const { keeper } = journal();
  keeper('a/b').advance({ key: 1, late: 0 }, false);
  keeper('a_b').advance({ key: 2, late: 0 }, false);
  expect([keeper('a/b').position.key, keeper('a_b').position.key]).toEqual([1, 2]);
});

test.each(['', '{"key":', '{"key":"7","late":0,"generation":0}', '[]'])('a damaged file (%j) is as none', (content) => {
  const { runtimeDirectory, keeper } = journal();
  const first = keeper();
  first.advance({ key: 7, late: 0 }, false);
  first.save();
  writeFileSync(join(runtimeDirectory, 'cursor-influx.json'), content);
  expect(keeper().position).toEqual({ key: 7, late: 0 });
});

test('a file that another journal left is not trusted', () => {
  const { runtimeDirectory, keeper } = journal();
  keeper().advance({ key: 7, late: 2 }, false);
  const db = openForWriting(temporaryDirectory());
  onTestFinished(() => db.close());
  const cursors = new Cursors(db);
  const other = new CursorKeeper({ consumer: 'influx', cursors, runtimeDirectory, log: silentLog });
  expect(other.position).toEqual({ key: 0, late: 0 });
});

test('what the server has in memory alone is not taken yet, for the next start and for the journal', () => {
  const { cursors, keeper } = journal();
  const running = keeper();
  running.advance({ key: 5, late: 0 }, false);
  running.advance({ key: 7, late: 0 }, true);
  running.advance({ key: 9, late: 1 }, true);
  expect(running.position).toEqual({ key: 9, late: 1 });
  expect(keeper().position).toEqual({ key: 5, late: 0 });
  running.save();
  expect(cursors.find('influx')).toMatchObject({ key: 5 });
  expect(running.lookBack()).toBe(true);
  expect(running.position).toEqual({ key: 5, late: 0 });
  expect(running.lookBack()).toBe(false);
});

test('after a cursor was set there is nothing to look back to', () => {
  const { cursors, keeper } = journal();
  const running = keeper();
  running.advance({ key: 9, late: 0 }, true);
  cursors.set('influx', { key: 2, late: 0 });
  running.refresh();
  expect(running.lookBack()).toBe(false);
  expect(running.position).toEqual({ key: 2, late: 0 });
});

test('a file that the cursor of another journal has left is gone before the new cursor is there', () => {
  const { cursors, runtimeDirectory, keeper } = journal();
  keeper().advance({ key: 7, late: 2 }, false);
  cursors.keepOnly([]);
  expect(keeper().position).toEqual({ key: 0, late: 0 });
  expect(readdirSync(runtimeDirectory)).toEqual([]);
  expect(keeper().position).toEqual({ key: 0, late: 0 });
});
