import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { REPOSITORY } from '../support/child.ts';
import { Guest } from '../support/nspawn.ts';
import { requireNspawn, SUITES } from '../support/nspawn-rootfs.ts';

const DIRECTORY = join(REPOSITORY, 'systemd');
/** The first start on a machine makes the root file system. */
const LONG = { timeout: 300_000 };

const files = readdirSync(DIRECTORY).filter((name) => /^energy-monitor.*\.(service|timer|target)$/.test(name));
const text = (name: string) => readFileSync(join(DIRECTORY, name), 'utf8');
/** A template is looked at as one of its instances. */
const instanceOf = (name: string) => name.replace('@.', '@energy-monitor-collector.');
const services = files.filter((name) => name.endsWith('.service'));
const calendars = files.flatMap((name) => [...text(name).matchAll(/^OnCalendar=(.+)$/gm)].map(([, when]) => when ?? ''));

/** What runs where nothing is installed: systemd looks at units only where their programs are. */
const PLACE = `
set -eu
cp -r /opt/energy-monitor/current/systemd/energy-monitor* /etc/systemd/system/
install -m 644 /opt/energy-monitor/current/systemd/sysusers.conf /etc/sysusers.d/energy-monitor.conf
systemd-sysusers energy-monitor.conf
# Docker is not on each machine that has the unit.
ln -s /bin/true /usr/bin/docker
`;

async function withUnits(suite: (typeof SUITES)[number]): Promise<Guest> {
  const guest = await Guest.make(suite);
  guest.bind({ from: REPOSITORY, to: '/opt/energy-monitor/current' });
  await guest.boot();
  await guest.out('sh', '-c', PLACE);
  return guest;
}

test.for(SUITES)('systemd of %s knows each key of the units, and has nothing to say about them', LONG, async (suite, context) => {
  requireNspawn(context);
  const guest = await withUnits(suite);
  const units = files.map((name) => `/etc/systemd/system/${instanceOf(name)}`);
  // It ends with 0 for keys that it does not know, and says so on stderr.
  expect(await guest.run('systemd-analyze', 'verify', ...units)).toEqual({ code: 0, out: '', err: '' });
  for (const when of calendars) expect(await guest.run('systemd-analyze', 'calendar', when)).toMatchObject({ code: 0 });
});

test('there are timers to look at', () => {
  expect(calendars.length).toBeGreaterThan(0);
});

describe.for(SUITES)('on %s the exposure is at most 2.0 of 10', (suite) => {
  test.for(services)('of %s', LONG, async (name, context) => {
    requireNspawn(context);
    const guest = await withUnits(suite);
    const command = ['systemd-analyze', 'security', '--offline=true', '--threshold=20', '--no-pager', instanceOf(name)];
    const { code, out } = await guest.run(...command);
    expect({ code, exposure: /exposure level for .*/.exec(out)?.[0] }).toMatchObject({ code: 0 });
  });
});

test.for(SUITES)('the user, the directories and the rule for the adapter are as systemd of %s wants them', LONG, async (suite, context) => {
  requireNspawn(context);
  const guest = await withUnits(suite);
  const directory = '/opt/energy-monitor/current/systemd';
  expect(await guest.run('systemd-tmpfiles', '--create', `${directory}/tmpfiles.conf`)).toEqual({ code: 0, out: '', err: '' });
  expect(await guest.out('id', '--name', '--user', 'energy-monitor')).toBe('energy-monitor\n');
  expect(await guest.out('stat', '--format=%n %U:%G %a', ...DIRECTORIES)).toBe(OWNERS);
  const { out, err } = await guest.run('udevadm', 'verify', `${directory}/udev.rules`);
  if (suite !== 'bookworm') expect(out + err).not.toMatch(/error|warning|unknown/i);
});

const DIRECTORIES = ['/etc/energy-monitor', '/etc/energy-monitor/credentials', '/etc/energy-monitor/backup-credentials'];
const OWNERS = `/etc/energy-monitor root:energy-monitor 750
/etc/energy-monitor/credentials root:root 700
/etc/energy-monitor/backup-credentials root:root 700
`;
