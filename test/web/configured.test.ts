import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, onTestFinished, test, vi } from 'vitest';
import { loadConfig } from '../../agent/config/load.ts';
import { configuredBy } from '../../agent/report/configured.ts';
import { pageCompanion } from '../../agent/web/companion.ts';
import { freePort } from '../support/free-port.ts';
import { open } from '../support/open-journal.ts';
import { DECIMALS, HOUSE, readingAt } from '../support/readings.ts';
import { silentLog } from '../support/silent-log.ts';
import { temporaryDirectory } from '../support/temporary.ts';
import { readingOutcome, writeStatus } from '../support/web-facts.ts';

const RECIPIENT = 'age1qyqszqgpqyqszqgpqyqszqgpqyqszqgpqyqszqgpqyqszqgpqyqsn5vd9l';

function configured(port: number) {
  const directory = temporaryDirectory();
  const [stateDir, file] = [join(directory, 'state'), join(directory, 'config.yaml')];
  writeFileSync(
    file,
    `stateDir: ${stateDir}
meters:
  - {name: house, model: we-515, connection: {serial: /dev/ttyUSB0}, intervals: {energy: 5m}}
influxdb: {url: 'http://localhost:1', token: plantedToken123}
backup:
  recipient: ${RECIPIENT}
  stores: [{directory: /mnt/usb}, {azure: 'https://a.blob.core.windows.net/c', sasFile: /nowhere/planted.sas}]
  drill: {identityFile: /nowhere/planted.key}
web: {listen: "127.0.0.1:${port}"}
`,
  );
  return { file, config: loadConfig(file) };
}

test('what facts are measured by has names and addresses, and no secret or its place', async () => {
  const { file, config } = configured(await freePort());
  expect(configuredBy(config, file)).toEqual({
    file,
    timeZone: undefined,
    meters: [{ name: 'house', interval: 1000 }],
    influxdb: [{ name: 'influxdb', url: 'http://localhost:1', bucket: 'energy', hostBucket: 'host' }],
    stores: ['directory', 'azure'],
    drills: true,
  });
});

test('the thread of the page knows the servers and stores of the configuration, and how often energy is read', async () => {
  const port = await freePort();
  const { file, config } = configured(port);
  const { stateDir } = config;
  const journal = open(stateDir);
  const nowMs = Math.floor(Date.now() / 1000) * 1000;
  journal.append(readingAt(nowMs - 1000), DECIMALS);
  journal.close();
  writeStatus(stateDir);
  const listening = vi.fn();
  const companion = pageCompanion(silentLog, { configFile: file, onListening: listening })(config, stateDir);
  onTestFinished(() => companion.end());
  await vi.waitFor(() => expect(listening).toHaveBeenCalled());
  const get = (path: string) => fetch(`http://127.0.0.1:${port}${path}`);
  const health = (await (await get('/api/v1/health')).json()) as Record<string, { name?: string; store?: string }[]>;
  expect(health.servers).toMatchObject([{ name: 'influxdb', waiting: 1 }]);
  expect(health.backups?.map(({ store }) => store)).toEqual(['directory', 'azure']);
  expect(JSON.stringify(health)).not.toContain('planted');

  // Of a minute before; the power alone of now.
  for (const outcome of [
    readingOutcome(nowMs - 60_000, { active_power: 1, active_energy: 2 }),
    readingOutcome(Date.now(), { active_power: 3 }),
  ]) {
    companion.tell(HOUSE, outcome.outcome);
  }
  await vi.waitFor(async () => {
    const text = await (await get('/metrics')).text();
    expect(text).toContain('energy_meter_active_power_watts{meter="house",model="we-515"} 3\n');
    expect(text).toContain('energy_meter_active_energy_joules_total{meter="house",model="we-515"} 7200000\n');
  });
});
