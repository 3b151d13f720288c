import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect, test, vi } from 'vitest';
import { readOnce } from '../../agent/journal/reader.ts';
import { REPOSITORY, runCommand, runScript } from '../support/child.ts';
import { freePort } from '../support/free-port.ts';
import { temporaryDirectory } from '../support/temporary.ts';

const SECONDS = 30;
const ATTACKER = join(REPOSITORY, 'test/support/attacker.ts');

/** A collector that reads a virtual meter, with its page. */
async function collecting() {
  const directory = temporaryDirectory();
  const [stateDir, meter, config] = ['state', 'meter', 'config.yaml'].map((name) => join(directory, name)) as [
    string,
    string,
    string,
  ];
  const port = await freePort();
  writeFileSync(
    config,
    `stateDir: ${stateDir}\nmeters: [{name: house, model: we-515, connection: {serial: ${meter}}}]\nweb: {listen: "127.0.0.1:${port}"}\n`,
  );
  const simulator = runCommand(['simulate', '--link', meter]);
  await simulator.printed(/meter/);
  const collector = runCommand(['collect', '--config', config]);
  await collector.printed(/the page is served/);
  const get = (path: string) => fetch(`http://127.0.0.1:${port}${path}`, { signal: AbortSignal.timeout(30_000) });
  return { stateDir, port, collector, get };
}

test.each([
  'slow-headers',
  'slow-readers',
  'connections',
  'requests',
])('%s take no second from the meter, and the page is there again afterwards', async (kind) => {
  const { stateDir, port, collector, get } = await collecting();
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
