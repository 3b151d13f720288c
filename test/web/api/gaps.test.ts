import { expect, test } from 'vitest';
import type { GapCause } from '../../../agent/readings/reading.ts';
import { open } from '../../support/open-journal.ts';
import { startPage } from '../../support/page.ts';
import { HOUSE } from '../../support/readings.ts';
import { temporaryDirectory } from '../../support/temporary.ts';
import { ask, queryOf } from '../../support/web-api.ts';

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

test('a range that is too long is refused, a meter that there is not is not found', async () => {
  const gaps = await home([]);
  expect((await gaps({ from: '2020-01-01', to: '2026-01-01' })).json.parameter).toBe('from');
  expect((await gaps({ from: NOON_MS, meter: 'nobody' })).status).toBe(404);
});
