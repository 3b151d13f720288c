import { describe, expect, test } from 'vitest';
import { installedPi, requireNspawn } from '../support/guests.ts';
import { COLLECTOR, CONFIG, type GuestPi } from '../support/nspawn-pi.ts';
import { SUITES } from '../support/nspawn-rootfs.ts';

/** Without a key, so that a test can look into it. */
const BACKED_UP = `${CONFIG}backup: {unencrypted: true, stores: [{directory: /srv/backup}]}\n`;
const SOON = '[Timer]\nOnCalendar=\nOnActiveSec=\nOnActiveSec=1s\nRandomizedDelaySec=0\nAccuracySec=100ms\n';

/** Each timer as it is, but soon. */
async function soon(pi: GuestPi, timer: string): Promise<void> {
  await pi.dropIn(timer, SOON);
  await pi.guest.out('systemctl', 'restart', timer);
}

const ALERT = 'energy-monitor-alert@energy-monitor-backup.service';
const SUCCESS = { Result: 'success', ExecMainStatus: '0', ActiveState: 'inactive' };

describe.for(SUITES)('on %s', (suite) => {
  test('the timer of host-metrics notes how the machine is', async (context) => {
    await requireNspawn(context, suite);
    const { pi } = await installedPi(suite);
    await soon(pi, 'energy-monitor-host-metrics.timer');
    const lines = await pi.eventually(
      () => pi.guest.out('energy-monitor', 'readings', '--last', '1h', '--format', 'line'),
      (text) => /^host,/m.test(text),
      'a reading of the machine',
    );
    expect(lines).toMatch(/^host,.*\bunit_collector_active=1/m);
    await pi.until('energy-monitor-host-metrics.service', SUCCESS);
  });

  test('the timer of backups makes one, in a directory that belongs to the agent', async (context) => {
    await requireNspawn(context, suite);
    const { pi } = await installedPi(suite, BACKED_UP);
    await pi.guest.out('install', '-d', '-o', 'energy-monitor', '/srv/backup');
    await pi.moreReadings(1);
    await soon(pi, 'energy-monitor-backup.timer');
    const list = await pi.eventually(
      () => pi.guest.run('energy-monitor', 'backup', 'list', '--json'),
      ({ out }) => /"sequence"|"number"|"takenMs"|"time"/.test(out),
      'a backup',
    );
    expect(list.code).toBe(0);
    await pi.until('energy-monitor-backup.service', SUCCESS);
    expect(await pi.log('energy-monitor-backup.service', '--priority=warning')).toBe('');
  });

  test('without backups in the configuration their timer fails nowhere', async (context) => {
    await requireNspawn(context, suite);
    const { pi } = await installedPi(suite);
    await pi.guest.out('systemctl', 'start', 'energy-monitor-backup.service', 'energy-monitor-verify.service');
    expect(await pi.guest.out('systemctl', 'is-system-running')).toBe('running\n');
  });

  test('a backup that fails is told once, also to the own program of the person', async (context) => {
    await requireNspawn(context, suite);
    const { pi } = await installedPi(suite, BACKED_UP);
    const hook = '#!/bin/sh\necho "$UNIT $RESULT: $MESSAGE" >>/var/lib/energy-monitor/told\n';
    pi.guest.write('/etc/energy-monitor/on-failure', hook, 0o755);
    // The directory of the store is not there.
    const fail = () => pi.guest.run('systemctl', 'start', 'energy-monitor-backup.service');
    const told = async () => (await pi.guest.run('cat', '/var/lib/energy-monitor/told')).out;
    expect((await fail()).code).not.toBe(0);
    const first = await pi.eventually(told, (text) => text !== '', 'the hook');
    expect(first).toMatch(/^energy-monitor-backup.service exit-code: energy-monitor-backup.service failed/);
    const calls = () => pi.guest.out('systemctl', 'show', ALERT, '--property=InvocationID', '--value');
    const before = await calls();
    expect((await fail()).code).not.toBe(0);
    await pi.eventually(calls, (id) => id !== before, 'the second alert');
    await pi.until(ALERT, { ActiveState: 'inactive', Result: 'success' });
    expect(await told()).toBe(first);
    expect(await pi.log(ALERT, '--priority=err')).toBe(
      'energy-monitor-backup.service failed (exit-code); see: journalctl -u energy-monitor-backup\n',
    );
  });

  test('to stop the target stops all, a backup that runs as well; to start it starts all', async (context) => {
    await requireNspawn(context, suite);
    const { pi } = await installedPi(suite);
    const backup = 'energy-monitor-backup.service';
    await pi.dropIn(backup, '[Service]\nExecStart=\nExecStart=/bin/sleep 300\n');
    await pi.guest.out('systemctl', 'start', '--no-block', backup);
    await pi.until(backup, { ActiveState: 'activating' });
    await pi.guest.out('systemctl', 'stop', 'energy-monitor.target');
    await pi.until(COLLECTOR, { ActiveState: 'inactive' });
    await pi.eventually(
      () => pi.guest.out('systemctl', 'list-units', '--plain', '--no-legend', '--state=active,activating', 'energy-*'),
      (running) => running === '',
      'nothing to run',
    );
    expect(await pi.properties(backup, 'ActiveState', 'Result')).toEqual({
      ActiveState: 'inactive',
      Result: 'success',
    });
    expect(await pi.log(ALERT)).toBe('');
    await pi.guest.out('systemctl', 'start', 'energy-monitor.target');
    for (const name of ['backup', 'host-metrics', 'verify']) {
      await pi.until(`energy-monitor-${name}.timer`, { ActiveState: 'active' });
    }
    await pi.until(COLLECTOR, { ActiveState: 'active' });
  });

  test('a collector that ends again and again is told once', async (context) => {
    await requireNspawn(context, suite);
    const { pi } = await installedPi(suite);
    await pi.dropIn(COLLECTOR, '[Service]\nRestartSec=100ms\n');
    pi.guest.write('/etc/energy-monitor/config.yaml', 'meters: none\n');
    await pi.guest.run('systemctl', 'restart', COLLECTOR);
    await pi.eventually(
      () => pi.property(COLLECTOR, 'NRestarts'),
      (count) => Number(count) >= 3,
      'three restarts',
    );
    const alerts = await pi.log(`energy-monitor-alert@energy-monitor-collector.service`);
    expect(alerts.match(/energy-monitor-collector.service failed/g)).toHaveLength(1);
    pi.guest.write('/etc/energy-monitor/config.yaml', CONFIG);
    await pi.until(COLLECTOR, { ActiveState: 'active' });
  });
});
