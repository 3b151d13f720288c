import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'vitest';
import { JournalReader } from '../../agent/journal/reader.ts';
import type { Azurite } from './azurite.ts';
import { newKeys } from './backups.ts';
import { runCommand } from './child.ts';
import { freePort } from './free-port.ts';
import { api } from './influx-setup.ts';
import { type InfluxAccess, influxPoints } from './influxd.ts';
import { Pi } from './pi.ts';
import { temporaryDirectory } from './temporary.ts';

/** Until a collector has read, or a server taken, what a test waits for: on a machine that does other things as well. */
export const WAIT = { timeout: 60_000, interval: 250 };

/** A meter on the wall, which stays there; what a person has at hand besides: the recovery key, the SAS, the URL. */
export async function house(azurite: Azurite) {
  const keys = await newKeys();
  const safe = temporaryDirectory();
  writeFileSync(join(safe, 'recovery.key'), keys.identity);
  const container = await azurite.container();
  const meterPort = await freePort();
  const meter = runCommand(['simulate', '--tcp', String(meterPort), '--baud', '0']);
  await meter.printed(/tcp 127/);
  const pi = new Pi();
  const url = azurite.urlOf(container);
  const sas = azurite.sas(container, 'rcl');
  const from = ['--from', url, '--sas-file', pi.path('azure.sas'), '--identity-file', join(safe, 'recovery.key')];
  const arrive = () => writeFileSync(pi.path('azure.sas'), sas, { mode: 0o600 });
  arrive();
  const configure = (more: object, backup: object = {}) =>
    pi.configure({
      meters: [{ name: 'attic', model: 'we-515', connection: { tcp: `127.0.0.1:${meterPort}` } }],
      journal: { flushInterval: '1s' },
      ...more,
      backup: { recipient: keys.recipient, stores: [{ azure: url, sasFile: pi.path('azure.sas') }], ...backup },
    });
  /** A new Pi: its files are gone, the SAS was copied there. */
  const replace = () => {
    pi.replace();
    arrive();
  };
  return { pi, meter, from, safe, configure, replace };
}

export type House = Awaited<ReturnType<typeof house>>;

export const nowS = () => Math.floor(Date.now() / 1000);

/** Readings that a running collector has taken, in the journal. */
export function liveReadings({ stateDir }: Pi): number {
  const reader = new JournalReader(stateDir);
  const readings = reader.readings({ fromMs: 0, toMs: 4e12 }).filter(({ series }) => series.meter === 'attic').length;
  reader.close();
  return readings;
}

/** What the server has of the journal: readings of meters and of the machine. */
export async function serverPoints(access: InfluxAccess): Promise<Map<string, number>> {
  return new Map([...(await influxPoints(access, 'energy')), ...(await influxPoints(access, 'host'))]);
}

/** An InfluxDB on the port of the house, set up, named in the configuration, and backed up. */
export async function withInflux({ pi, configure }: House, url: string): Promise<() => InfluxAccess> {
  configure(
    { influxdb: { url, tokenFile: pi.path('influxdb.token'), batchInterval: '1s' } },
    { databases: [{ operatorTokenFile: pi.path('influxdb-operator.token') }] },
  );
  expect(await pi.run('influxdb', 'setup', '--config', pi.config)).toMatchObject({ code: 0, err: '' });
  return () => ({ url, token: pi.secret('influxdb-operator.token'), org: 'home' });
}

/** What of the first is not in the second, or otherwise there. */
export const missing = (wanted: ReadonlyMap<string, number>, there: ReadonlyMap<string, number>): string[] =>
  [...wanted].filter(([key, value]) => there.get(key) !== value).map(([key]) => key);

/** What the server lets a token do. */
export async function may(url: string, token: string): Promise<{ reads: boolean; writes: boolean }> {
  const list = await api<{ buckets?: object[] }>({ url, token }, 'GET', '/api/v2/buckets?name=energy');
  // A comment, which is no point.
  const { status } = await api({ url, token }, 'POST', '/api/v2/write?org=home&bucket=energy', '# nothing');
  expect([204, 400, 401, 403]).toContain(status);
  return { reads: list.body.buckets?.length === 1, writes: status === 204 || status === 400 };
}
