import { cpSync } from 'node:fs';
import { expect, test } from 'vitest';
import { newPi, requireNspawn } from '../support/guests.ts';
import { COLLECTOR, CONFIG, type GuestPi, RUNNING } from '../support/nspawn-pi.ts';
import { DOWNLOADS, Releases } from '../support/nspawn-release.ts';
import { temporaryDirectory } from '../support/temporary.ts';

const SUITE = 'trixie';
const STORE = '/srv/backups';
const ETC = '/etc/energy-monitor';
const releases = new Releases();

/** A machine without a network, and what was downloaded before. */
async function freshPi(): Promise<GuestPi> {
  const { pi } = await newPi(SUITE);
  pi.guest.bind({ from: releases.directory, to: DOWNLOADS });
  await pi.guest.boot();
  return pi;
}

/** Starts a oneshot unit, and waits for its end. */
const start = (pi: GuestPi, unit: string) => pi.guest.run('systemctl', 'start', unit);

test('a new Pi goes on where the lost one ended, with the recovery key, the credential and what README says', async (context) => {
  await requireNspawn(context, SUITE);
  const release = `${DOWNLOADS}/${await releases.real()}`;
  const old = await freshPi();
  const key = await old.guest.out(`${release}/agent/energy-monitor`, 'backup', 'keygen');
  const recipient = /recipient: (age1\w+)/.exec(key)?.[1];
  const backup = `backup: {recipient: ${recipient}, stores: [{directory: ${STORE}}]}\n`;
  const sink = "influxdb: {url: 'http://127.0.0.1:9', tokenFile: influxdb.token}\n";
  await old.guest.out('install', '-d', '-m', '0700', ETC, `${ETC}/credentials`);
  const table = await old.guest.out(`${release}/agent/energy-monitor`, 'meter', 'describe', 'we-515', '--yaml');
  old.guest.write(`${ETC}/tables/mine.yaml`, table);
  const config = CONFIG.replace('we-515', './tables/mine.yaml');
  old.guest.write(`${ETC}/config.yaml`, `${config}${sink}${backup}`, 0o600);
  old.guest.write(`${ETC}/credentials/influxdb.token`, 'a token', 0o600);
  expect(await old.guest.run(`${release}/install.sh`, '--yes')).toMatchObject({ code: 0 });
  await old.guest.out('install', '-d', '-o', 'energy-monitor', STORE);
  const known = await old.moreReadings(5);
  // A backup has what is in the database, which gets the newest each five minutes, and at the end of a run.
  await old.guest.out('systemctl', 'restart', COLLECTOR);
  expect(await start(old, 'energy-monitor-backup.service')).toMatchObject({ code: 0 });
  const stored = temporaryDirectory();
  cpSync(old.guest.path(STORE), stored, { recursive: true });
  await old.guest.remove();

  const pi = await freshPi();
  cpSync(stored, pi.guest.path(STORE), { recursive: true });
  pi.guest.write('/root/recovery.key', key, 0o600);
  await pi.guest.out('install', '-d', '-m', '0700', ETC, `${ETC}/credentials`, `${ETC}/backup-credentials`);
  pi.guest.write(`${ETC}/credentials/influxdb.token`, 'a token', 0o600);
  const restore = ['restore', '--from', STORE, '--identity-file', '/root/recovery.key'];
  const restored = await pi.guest.run(`${release}/agent/energy-monitor`, ...restore);
  expect(restored, restored.err).toMatchObject({ code: 0 });
  const installed = await pi.guest.run(`${release}/install.sh`, '--yes');
  expect(installed, installed.err).toMatchObject({ code: 0 });
  expect(await pi.properties(COLLECTOR, ...Object.keys(RUNNING))).toEqual(RUNNING);
  const all = await pi.moreReadings(3);
  const times = new Set(all.map(({ time }) => time));
  expect(known.filter(({ time }) => !times.has(time))).toEqual([]);
  expect(times.size).toBe(all.length);
  expect(await pi.guest.out('find', '/var/lib/energy-monitor', '-not', '-user', 'energy-monitor')).toBe('');
  await pi.guest.out('chown', '-R', 'energy-monitor:', STORE);
  expect(await start(pi, 'energy-monitor-backup.service')).toMatchObject({ code: 0 });
  const list = await pi.guest.out('energy-monitor', 'backup', 'list');
  expect(list).toMatch(/^ +1 .*\n +2 /m);
  expect((await pi.guest.run('energy-monitor', 'status')).out).toMatch(/house/);
});
