import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect, test, vi } from 'vitest';
import { readOnce } from '../../agent/journal/reader.ts';
import { REPOSITORY, runScript } from '../support/child.ts';
import { collectorWithPage } from '../support/collector-with-page.ts';

const SECONDS = 30;
const ATTACKER = join(REPOSITORY, 'test/support/attacker.ts');

test.each([
  'slow-headers',
  'slow-readers',
  'connections',
  'requests',
])('%s take no second from the meter, and the page is there again afterwards', async (kind) => {
  const { stateDir, port, url, begin } = await collectorWithPage();
  const collector = await begin();
  const get = (path: string) => fetch(`${url}${path}`, { signal: AbortSignal.timeout(30_000) });
  expect((await get('/healthz')).status).toBe(200);
  await sleep(3000);
  const fromMs = Math.ceil(Date.now() / 1000) * 1000;
  const attacker = runScript(ATTACKER, [kind, String(port), String(SECONDS)]);
  expect(await attacker.ended).toBe(0);
  const toMs = Math.floor(Date.now() / 1000) * 1000;
  await vi.waitFor(async () => expect((await get('/healthz')).status).toBe(200), { timeout: 30_000, interval: 500 });
  await sleep(2000);
  const { readings, gaps } = readOnce(stateDir, (reader) => ({
    readings: reader.readings({ fromMs, toMs }),
    gaps: reader.gaps({ fromMs, toMs }),
  }));
  // Beside another test that keeps the processors busy a second may be lost to that; what the page took would be many.
  expect(readings.length).toBeGreaterThanOrEqual((toMs - fromMs) / 1000 - 1);
  expect(gaps.length).toBeLessThanOrEqual(1);
  expect(collector.errors()).not.toMatch(/stands still|failed|could not answer/);
  expect(await collector.end('SIGTERM')).toBe(0);
});
