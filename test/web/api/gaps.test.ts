import { DatabaseSync } from 'node:sqlite';
import { Worker } from 'node:worker_threads';
import { expect, test } from 'vitest';
import { journalPath } from '../../../agent/journal/database.ts';
import type { GapCause } from '../../../agent/readings/reading.ts';
import { PageThread } from '../../../agent/web/thread.ts';
import { freePort } from '../../support/free-port.ts';
import { open } from '../../support/open-journal.ts';
import { startPage } from '../../support/page.ts';
import { HOUSE } from '../../support/readings.ts';
import { afterTest } from '../../support/side-by-side.ts';
import { recordingLog } from '../../support/silent-log.ts';
import { temporaryDirectory } from '../../support/temporary.ts';
import { ask, queryOf } from '../../support/web-api.ts';

const WORKER = new URL('../../../agent/web/worker.ts', import.meta.url);
const NOON_MS = Date.parse('2026-09-20T10:00Z');
const ATTIC = { ...HOUSE, meter: 'attic' };

async function home(gaps: readonly [series: typeof HOUSE, from: number, to: number, cause: GapCause][]) {
  const stateDir = temporaryDirectory();
  const journal = open(stateDir);
  for (const [series, from, to, cause] of gaps)
    journal.appendGap({ series, fromMs: NOON_MS + from * 1000, toMs: NOON_MS + to * 1000, cause });
  journal.close();
  const page = await startPage({ stateDir });
  return (more: Parameters<typeof queryOf>[0]) => ask(page, `/api/v1/gaps${queryOf({ meter: 'house', ...more })}`);
}

const iso = (second: number) => new Date(NOON_MS + second * 1000).toISOString();

test('gaps of a meter come newest first, with what is missing of the range', async () => {
  const gaps = await home([
    [HOUSE, 10, 19, 'timeout'],
    [ATTIC, 15, 16, 'crc'],
    [HOUSE, 100, 100, 'crc'],
    [HOUSE, 595, 700, 'disconnected'],
  ]);
  const { json, headers } = await gaps({ from: NOON_MS + 12_000, to: NOON_MS + 600_000 });
  expect(json.gaps).toEqual([
    { from: iso(595), to: iso(701), seconds: 106, cause: 'disconnected' },
    { from: iso(100), to: iso(101), seconds: 1, cause: 'crc' },
    { from: iso(10), to: iso(20), seconds: 10, cause: 'timeout' },
  ]);
  expect(json).toMatchObject({ missing: 8 + 1 + 5, truncated: false });
  expect(headers.get('etag')).toMatch(/^"/);
});

test('of very many the newest are given, and all are counted', async () => {
  const gaps = await home(
    Array.from({ length: 1010 }, (_, i) => [HOUSE, 2 * i, 2 * i, i % 2 ? 'crc' : 'noise'] as const),
  );
  const { json } = await gaps({ from: NOON_MS, to: NOON_MS + 3_600_000 });
  expect(json).toMatchObject({ missing: 1010, truncated: true });
  expect(json.gaps).toHaveLength(1000);
  expect(json.gaps[0].from).toBe(iso(2018));
});

test('a month of a line that loses each fourth second is more than is held in memory, and is told all the same', async () => {
  const stateDir = temporaryDirectory();
  open(stateDir).close();
  const count = 200_000;
  const db = new DatabaseSync(journalPath(stateDir));
  db.exec("INSERT INTO series (id, measurement, meter, model) VALUES (1, 'energy', 'house', 'we-515')");
  db.exec(`WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i < ${count - 1})
    INSERT INTO gap SELECT 1, ${NOON_MS} + 4000 * i, ${NOON_MS} + 4000 * i, 'timeout' FROM n`);
  db.close();
  const port = await freePort();
  const { log, lines } = recordingLog();
  const address = { host: '127.0.0.1', port };
  const more = { nextPort: false, timeZone: 'UTC', log, web: { hosts: [], hideAfter: 1e12 } };
  const thread = new PageThread({
    ...more,
    address,
    stateDir,
    runtimeDirectory: stateDir,
    meters: [{ name: 'house', model: 'we-515', intervalMs: 1000 }],
    newWorker: (workerData) =>
      new Worker(WORKER, { workerData, resourceLimits: { maxOldGenerationSizeMb: 20, maxYoungGenerationSizeMb: 4 } }),
  });
  afterTest(() => thread.end());
  await thread.start();
  const query = queryOf({ meter: 'house', from: NOON_MS, to: NOON_MS + 4000 * count });
  const answer = await fetch(`http://127.0.0.1:${port}/api/v1/gaps${query}`);
  expect(await answer.json()).toMatchObject({ missing: count, truncated: true });
  expect(lines.filter(({ level }) => Number(level) > 40)).toEqual([]);
});

test('a range that is too long is refused, a meter that there is not is not found', async () => {
  const gaps = await home([]);
  expect((await gaps({ from: '2020-01-01', to: '2026-01-01' })).json.parameter).toBe('from');
  expect((await gaps({ from: NOON_MS, meter: 'nobody' })).status).toBe(404);
});
