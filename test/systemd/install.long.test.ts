import { describe, expect, test } from 'vitest';
import { newPi, requireNspawn } from '../support/guests.ts';
import { COLLECTOR, type GuestPi, RUNNING } from '../support/nspawn-pi.ts';
import { DOWNLOADS, Releases } from '../support/nspawn-release.ts';
import { SUITES, type Suite } from '../support/nspawn-rootfs.ts';

const releases = new Releases();
const COLLECT = 'agent/commands/collect.ts';
/** What a release does whose collector does not come up. */
const BROKEN = {
  'ends at once': (text: string) =>
    text.replace('await runCollector(', "throw new Error('broken'); await runCollector("),
  'never says that it is ready': (text: string) =>
    text.replace('await runCollector(', 'await new Promise(() => setInterval(() => {}, 1000)); await runCollector('),
};

/** A machine without a network, and what was downloaded before. */
async function freshPi(suite: Suite): Promise<GuestPi> {
  const { pi } = await newPi(suite);
  await releases.real();
  pi.guest.bind({ from: releases.directory, to: DOWNLOADS });
  await pi.guest.boot();
  return pi;
}

const install = (pi: GuestPi, release: string, ...options: string[]) =>
  pi.guest.run(`${DOWNLOADS}/${release}/install.sh`, '--yes', ...options);

/** Installed, with readings. */
async function readingPi(suite: Suite): Promise<GuestPi> {
  const pi = await freshPi(suite);
  expect(await install(pi, await releases.real())).toMatchObject({ code: 0 });
  await pi.moreReadings(2);
  return pi;
}

const inForce = async ({ guest }: GuestPi) => (await guest.out('readlink', '/opt/energy-monitor/current')).trim();
const version = async ({ guest }: GuestPi) => (await guest.out('energy-monitor', '--version')).trim();
const pidOf = (pi: GuestPi) => pi.property(COLLECTOR, 'MainPID');

describe.for(SUITES)('on %s', (suite) => {
  test('from nothing: readings flow, a second run changes nothing, it starts with the machine', async (context) => {
    await requireNspawn(context, suite);
    const pi = await freshPi(suite);
    const first = await install(pi, await releases.real());
    expect(first).toMatchObject({ code: 0, err: expect.not.stringMatching(/defect|denied|cannot/) });
    expect(await pi.properties(COLLECTOR, ...Object.keys(RUNNING))).toEqual(RUNNING);
    const readings = await pi.moreReadings(3);
    const pid = await pidOf(pi);
    pi.guest.write('/etc/before', '');
    expect(await install(pi, await releases.real())).toMatchObject({
      code: 0,
      out: expect.stringContaining('runs already'),
    });
    expect(await pidOf(pi)).toBe(pid);
    const written = await pi.guest.out('find', '/etc', '/opt', '/usr', '-newer', '/etc/before', '-type', 'f');
    expect(written).toBe('');
    expect(await pi.guest.reboot()).toBe('running');
    await pi.until(COLLECTOR, RUNNING);
    expect((await pi.moreReadings(3)).slice(0, readings.length)).toEqual(readings);
  });

  test('a dry run changes nothing', async (context) => {
    await requireNspawn(context, suite);
    const pi = await freshPi(suite);
    pi.guest.write('/etc/before', '');
    const { code, out } = await install(pi, await releases.real(), '--dry-run');
    expect({ code, out }).toMatchObject({ code: 0, out: expect.stringContaining('nothing was changed') });
    const paths = ['/etc', '/opt', '/usr', '/var/lib', '/var/cache', '/root'];
    expect(await pi.guest.out('find', ...paths, '-xdev', '-newer', '/etc/before', '-type', 'f')).toBe('');
  });

  test('an upgrade, a downgrade and --rollback keep readings and settings', async (context) => {
    await requireNspawn(context, suite);
    const pi = await readingPi(suite);
    const before = await pi.moreReadings(1);
    const old = await version(pi);
    const newer = await releases.variant(`9.0.0-${suite}`);
    const config = await pi.guest.out('cat', '/etc/energy-monitor/config.yaml');
    expect(await install(pi, newer)).toMatchObject({ code: 0 });
    expect(await version(pi)).toBe(`9.0.0-${suite}`);
    expect(await install(pi, await releases.real())).toMatchObject({ code: 0 });
    expect(await version(pi)).toBe(old);
    expect(await pi.guest.run(`${DOWNLOADS}/${newer}/install.sh`, '--rollback')).toMatchObject({ code: 0 });
    expect(await version(pi)).toBe(`9.0.0-${suite}`);
    expect(await pi.properties(COLLECTOR, ...Object.keys(RUNNING))).toEqual(RUNNING);
    const after = await pi.moreReadings(2);
    expect(after.slice(0, before.length)).toEqual(before);
    expect(new Set(after.map(({ time }) => time)).size).toBe(after.length);
    expect(await pi.guest.out('cat', '/etc/energy-monitor/config.yaml')).toBe(config);
  });

  test.for(
    Object.keys(BROKEN) as (keyof typeof BROKEN)[],
  )('a release whose collector %s is taken back by itself', async (how, context) => {
    await requireNspawn(context, suite);
    const pi = await readingPi(suite);
    const [old, release] = [await version(pi), await inForce(pi)];
    const name = `9.9.9-${suite}-${how.replaceAll(' ', '-')}`;
    const broken = await releases.variant(name, { file: COLLECT, text: BROKEN[how] });
    const { code, err } = await install(pi, broken);
    expect({ code, err }).toMatchObject({ code: 80, err: expect.stringMatching(/did not start/) });
    expect([await version(pi), await inForce(pi)]).toEqual([old, release]);
    expect(await pi.properties(COLLECTOR, ...Object.keys(RUNNING))).toEqual(RUNNING);
    await pi.moreReadings(2);
    expect(await pi.guest.reboot()).toBe('running');
    await pi.moreReadings(2);
  });

  test('a release that does not take the configuration is not switched to', async (context) => {
    await requireNspawn(context, suite);
    const pi = await readingPi(suite);
    const [release, pid] = [await inForce(pi), await pidOf(pi)];
    const config = await pi.guest.out('cat', '/etc/energy-monitor/config.yaml');
    pi.guest.write('/etc/energy-monitor/config.yaml', `${config}journey: {}\n`);
    const { code, err } = await install(pi, await releases.variant(`9.1.0-${suite}`));
    expect({ code, err }).toMatchObject({ code: 78, err: expect.stringContaining('journey') });
    expect([await inForce(pi), await pidOf(pi)]).toEqual([release, pid]);
    await pi.moreReadings(2);
  });

  test.for([500, 2000, 4000, 6000])('killed after %i ms, the next run makes it whole', async (ms, context) => {
    await requireNspawn(context, suite);
    const pi = await freshPi(suite);
    const program = [`${DOWNLOADS}/${await releases.real()}/install.sh`, '--yes'];
    expect((await pi.guest.run('timeout', '--signal=KILL', `${ms / 1000}`, ...program)).code).not.toBe(0);
    expect(await install(pi, await releases.real())).toMatchObject({ code: 0 });
    await pi.moreReadings(2);
    expect(await pi.guest.out('ls', '/opt/energy-monitor/releases')).toBe(`${await version(pi)}\n`);
  });

  test("a link that the agent's user has put into its cache leads root nowhere", async (context) => {
    await requireNspawn(context, suite);
    const pi = await readingPi(suite);
    const link = 'rm -r /var/cache/energy-monitor/compile && ln -s /etc /var/cache/energy-monitor/compile';
    await pi.guest.out(
      'setpriv',
      '--reuid=energy-monitor',
      '--regid=energy-monitor',
      '--clear-groups',
      'sh',
      '-c',
      link,
    );
    await install(pi, await releases.variant(`9.2.0-${suite}`));
    expect(await pi.guest.out('stat', '--format=%U %a', '/etc', '/etc/passwd')).toBe('root 755\nroot 644\n');
    await pi.moreReadings(2);
  });

  test('secrets are for root alone, and in no log', async (context) => {
    await requireNspawn(context, suite);
    const pi = await freshPi(suite);
    const secret = 'sv=2024&sig=the-secret-of-this-test';
    pi.guest.write('/root/azure.sas', secret, 0o600);
    const recipient = /recipient: (age1\w+)/.exec(
      await pi.guest.out(`${DOWNLOADS}/${await releases.real()}/agent/energy-monitor`, 'backup', 'keygen'),
    )?.[1];
    const azure = ['--azure-url', 'https://account.invalid/container', '--azure-sas-file', '/root/azure.sas'];
    const { code, out, err } = await install(pi, await releases.real(), ...azure, '--recipient', recipient ?? '');
    expect(code, err).toBe(0);
    expect(out + err + (await pi.guest.out('journalctl', '--no-pager'))).not.toContain('the-secret-of-this-test');
    const holders = await pi.guest.out('grep', '-rlF', secret, '/etc', '/opt', '/var', '/run');
    expect(holders).toBe('/etc/energy-monitor/backup-credentials/azure.sas\n');
    expect(await pi.guest.out('stat', '--format=%U %a', holders.trim())).toBe('root 600\n');
  });

  test('--uninstall keeps data and settings, and the next installation goes on with them; --purge leaves nothing', async (context) => {
    await requireNspawn(context, suite);
    const pi = await readingPi(suite);
    const before = await pi.moreReadings(1);
    const here = `${DOWNLOADS}/${await releases.real()}/install.sh`;
    expect(await pi.guest.run(here, '--uninstall')).toMatchObject({ code: 0 });
    expect(await pi.guest.sh('systemctl list-unit-files --no-legend "energy-monitor*"')).toMatchObject({ out: '' });
    expect(await pi.guest.out('systemctl', 'is-system-running')).toBe('running\n');
    expect(await install(pi, await releases.real())).toMatchObject({ code: 0 });
    expect((await pi.moreReadings(2)).slice(0, before.length)).toEqual(before);
    expect((await pi.guest.run(here, '--purge')).code).toBe(64);
    await pi.moreReadings(1);
    expect(await pi.guest.run(here, '--purge', '--yes')).toMatchObject({ code: 0 });
    expect((await pi.guest.run('id', 'energy-monitor')).code).not.toBe(0);
    const left = await pi.guest.out(
      'find',
      '/',
      '-xdev',
      '-name',
      '*energy-monitor*',
      '-not',
      '-path',
      `${DOWNLOADS}/*`,
    );
    expect(left).toBe('');
    // A lock cannot be removed by who holds it.
    const inMemory = ['/run', '-name', '*energy-monitor*', '-not', '-name', 'energy-monitor-install.lock'];
    expect(await pi.guest.out('find', ...inMemory)).toBe('');
    expect(await pi.guest.reboot()).toBe('running');
  });
});
