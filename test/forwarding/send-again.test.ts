import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { sendAgain } from '../../agent/forwarding/maintenance.ts';
import { Cursors } from '../../agent/journal/cursors.ts';
import { openForWriting } from '../../agent/journal/database.ts';
import { firstKeyAt } from '../../agent/journal/keys.ts';
import { sinkConfig } from '../support/forwarding.ts';
import { temporaryDirectory } from '../support/temporary.ts';

const NOON_MS = Date.UTC(2026, 2, 1, 12);
const HOUR_MS = 3_600_000;

/** Positions of a server after `sendAgain`; undefined: it has taken nothing yet. */
function after(positions: { meters?: number; host?: number }, fromMs: number) {
  const stateDir = temporaryDirectory();
  const config = { stateDir, influxdb: [sinkConfig({ url: 'http://localhost:1' })] } as never;
  const db = openForWriting(stateDir);
  const cursors = new Cursors(db);
  const { meters, host } = positions;
  if (meters !== undefined) cursors.set('influxdb', { key: meters, late: 7 });
  if (host !== undefined) cursors.set('influxdb/host', { key: host, late: 8 });
  sendAgain(config, 'influxdb', fromMs);
  const found = ['influxdb', 'influxdb/host'].map((consumer) => cursors.find(consumer));
  db.close();
  return found;
}

test('a position goes back to the time, and never forward: what a server has not taken yet stays to come', () => {
  const far = firstKeyAt(NOON_MS + HOUR_MS);
  const behind = firstKeyAt(NOON_MS - HOUR_MS);
  const [meters, host] = after({ meters: far, host: behind }, NOON_MS);
  expect(meters).toMatchObject({ key: firstKeyAt(NOON_MS) - 1, late: 7, generation: 2 });
  expect(host).toMatchObject({ key: behind, late: 8 });
});

test('a server that has taken nothing begins at the beginning', () => {
  const [meters, host] = after({ meters: firstKeyAt(NOON_MS) }, 0);
  expect(meters).toMatchObject({ key: 0 });
  expect(host).toBeUndefined();
});

test('where there is no journal none is made; an unknown server is a sentence', () => {
  const stateDir = temporaryDirectory();
  const config = { stateDir, influxdb: [sinkConfig({ url: 'http://localhost:1' })] } as never;
  sendAgain(config, 'influxdb', NOON_MS);
  expect(existsSync(join(stateDir, 'journal.db'))).toBe(false);
  expect(() => sendAgain(config, 'cloud', NOON_MS)).toThrow('no server is named cloud');
});
