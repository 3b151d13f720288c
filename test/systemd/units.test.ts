import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { REPOSITORY } from '../support/child.ts';
import { newGuest, requireNspawn } from '../support/guests.ts';
import type { Guest } from '../support/nspawn.ts';
import { SUITES, type Suite } from '../support/nspawn-rootfs.ts';

const DIRECTORY = join(REPOSITORY, 'systemd');
/** The first one on a machine makes the root file system. */
const LONG = { timeout: 300_000 };
/** systemd's own judgement: 0 is nothing left to take away, 10 a unit without any bounds. */
const HIGHEST_EXPOSURE = 2;

const files = readdirSync(DIRECTORY).filter((name) => /^energy-monitor.*\.(service|timer|target)$/.test(name));
const text = (name: string) => readFileSync(join(DIRECTORY, name), 'utf8');
/** A template is looked at as one of its instances. */
const instanceOf = (name: string) => name.replace('@.', '@energy-monitor-collector.');
const services = files.filter((name) => name.endsWith('.service'));
const calendars = files.flatMap((name) =>
  [...text(name).matchAll(/^OnCalendar=(.+)$/gm)].map(([, when]) => when ?? ''),
);

/** Nothing is installed; but systemd looks whether programs and users are there, and Docker is not on each machine. */
const PLACE = `
set -eu
cp -r /opt/energy-monitor/current/systemd/energy-monitor* /etc/systemd/system/
install -D -m 644 /opt/energy-monitor/current/systemd/sysusers.conf /etc/sysusers.d/energy-monitor.conf
systemd-sysusers energy-monitor.conf
ln -s /bin/true /usr/bin/docker
`;

async function withUnits(suite: Suite): Promise<Guest> {
  const guest = await newGuest(suite);
  guest.bind({ from: REPOSITORY, to: '/opt/energy-monitor/current' });
  await guest.boot();
  await guest.out('sh', '-c', PLACE);
  return guest;
}

describe.for(SUITES)('on %s', (suite) => {
  test('systemd knows each key of the units, and has nothing to say about them', LONG, async (context) => {
    await requireNspawn(context, suite);
    const guest = await withUnits(suite);
    const units = files.map((name) => `/etc/systemd/system/${instanceOf(name)}`);
    // For keys that it does not know it ends with 0, and says so.
    expect(await guest.run('systemd-analyze', 'verify', ...units)).toEqual({ code: 0, out: '', err: '' });
    expect(calendars.length).toBeGreaterThan(0);
    expect(await guest.run('systemd-analyze', 'calendar', ...calendars)).toMatchObject({ code: 0 });
  });

  test(`the exposure of no service is above ${HIGHEST_EXPOSURE}`, LONG, async (context) => {
    await requireNspawn(context, suite);
    const guest = await withUnits(suite);
    const exposed: string[] = [];
    for (const name of services) {
      const said = await guest.run('systemd-analyze', 'security', '--offline=true', '--no-pager', instanceOf(name));
      const [, exposure] = /exposure level for .*: ([\d.]+)/.exec(said.out) ?? [];
      if (!(Number(exposure) <= HIGHEST_EXPOSURE)) exposed.push(`${name}: ${exposure ?? said.err}`);
    }
    expect(exposed).toEqual([]);
    expect(services.length).toBeGreaterThan(0);
  });

  test('user, directories and the rule for the adapter are as systemd wants them', LONG, async (context) => {
    await requireNspawn(context, suite);
    const guest = await withUnits(suite);
    const from = '/opt/energy-monitor/current/systemd';
    const made = await guest.run('systemd-tmpfiles', '--create', `${from}/tmpfiles.conf`);
    expect(made).toEqual({ code: 0, out: '', err: '' });
    expect(await guest.out('id', '-gn', 'energy-monitor')).toBe('energy-monitor\n');
    const places = ['', '/credentials', '/backup-credentials'].map((name) => `/etc/energy-monitor${name}`);
    expect(await guest.out('stat', '--format=%U:%G %a', ...places)).toBe(
      'root:energy-monitor 750\nroot:root 700\nroot:root 700\n',
    );
    // systemd 252 cannot look at rules.
    if (suite === 'bookworm') return;
    expect(await guest.run('udevadm', 'verify', '--no-style', `${from}/udev.rules`)).toMatchObject({
      code: 0,
      err: '',
    });
  });
});
