import { describe, expect, test } from 'vitest';
import { installedPi, requireNspawn } from '../support/guests.ts';
import { COLLECTOR, CONFIG } from '../support/nspawn-pi.ts';
import { SUITES } from '../support/nspawn-rootfs.ts';

const BACKUP = 'energy-monitor-backup.service';
const BACKED_UP = `${CONFIG}backup: {unencrypted: true, stores: [{directory: /srv/backup}]}\n`;

/** Where the units may leave something; and what systemd itself writes for them. */
const OURS = /^\/(var\/lib\/energy-monitor|var\/cache\/energy-monitor|srv\/backup)(\/|$)/;
const SYSTEMDS = /^\/var\/(log\/journal|log\/wtmp|lib\/systemd|tmp)(\/|$)|^\/tmp(\/|$)/;
/** What this test itself leaves by calling the command line; no unit sees a home. */
const ROOTS = /^\/root\/\.cache\//;

describe.for(SUITES)('on %s', (suite) => {
  test('credentials are for their unit alone: not for other users, and those of backups not for the collector', async (context) => {
    await requireNspawn(context, suite);
    const { pi } = await installedPi(suite);
    const { guest } = pi;
    guest.write('/etc/energy-monitor/credentials/influxdb.token', 'of-the-collector', 0o600);
    guest.write('/etc/energy-monitor/backup-credentials/azure.sas', 'of-the-backup', 0o600);
    const read = 'cat "$CREDENTIALS_DIRECTORY"/*; cat /etc/energy-monitor/*credentials/* /run/credentials/*/*';
    expect((await pi.inPlaceOf(COLLECTOR, read)).out).toMatch(/^(of-the-collector)+$/);
    const ofBackup = await pi.inPlaceOf(BACKUP, read);
    expect(ofBackup.out).toContain('of-the-backup');
    // While the collector holds its own.
    await guest.out('systemctl', 'restart', COLLECTOR);
    const copies = '/run/credentials/energy-monitor-collector.service';
    expect((await guest.out('ls', copies)).trim()).toBe('collector_influxdb.token');
    const others = `for user in nobody energy-monitor; do
      setpriv --reuid="$user" --regid="$user" --clear-groups cat /etc/energy-monitor/*credentials/* && echo "$user reads them"
    done
    setpriv --reuid=nobody --regid=nogroup --clear-groups cat ${copies}/* && echo "nobody reads the copies"; true`;
    const { out, err } = await guest.sh(others);
    expect({ out, refused: err.match(/denied/g)?.length }).toEqual({ out: '', refused: 3 });
  });

  test('the collector opens its adapter, and no other device', async (context) => {
    await requireNspawn(context, suite);
    const { pi } = await installedPi(suite);
    // A console, a disk in memory, the memory: who may opens them, or hears that nothing is there.
    const others = { '/dev/tty1': 'c 4 1', '/dev/ram0': 'b 1 0', '/dev/mem': 'c 1 1' };
    for (const [path, node] of Object.entries(others)) await pi.addDevice(path, node);
    const tried = Object.keys(others).map((path) => `(: <${path}) && echo opened ${path}`);
    const { out, err } = await pi.inPlaceOf(
      COLLECTOR,
      [': <>/dev/energy-meter && echo adapter', ...tried, 'true'].join('\n'),
    );
    expect(out).toBe('adapter\n');
    expect(err.match(/not permitted/g), err).toHaveLength(Object.keys(others).length);
  });

  test('an adapter may be opened whose driver comes after the start', async (context) => {
    await requireNspawn(context, suite);
    const { pi } = await installedPi(suite);
    // Numbers of drivers that this kernel has not loaded: who may open them hears that nothing is there.
    const adapters = { ttyUSB0: 'c 188 0', ttyACM3: 'c 166 3', ttyAMA0: 'c 204 64', ttyS0: 'c 4 64' };
    for (const [name, node] of Object.entries(adapters)) await pi.addDevice(`/dev/${name}`, node);
    const tries = Object.keys(adapters).map((name) => `(: <>/dev/${name}) && echo opened ${name}`);
    const { out, err } = await pi.inPlaceOf(COLLECTOR, [...tries, 'true'].join('\n'));
    expect(err).not.toMatch(/not permitted|denied/);
    expect(`${out}${err}`.match(/opened|No such device|Input\/output/g)).toHaveLength(Object.keys(adapters).length);
    // Nothing for the log at each start on a machine without them.
    expect(await pi.guest.out('journalctl', '--no-pager')).not.toMatch(/stat device|DeviceAllow/);
  });

  test('nothing is written outside of their directories', async (context) => {
    await requireNspawn(context, suite);
    const { pi } = await installedPi(suite, BACKED_UP);
    await pi.guest.out('install', '-d', '-o', 'energy-monitor', '/srv/backup');
    pi.guest.write('/etc/before', '');
    const units = ['backup', 'verify', 'host-metrics'].map((name) => `energy-monitor-${name}.service`);
    await pi.moreReadings(2);
    await pi.guest.out('systemctl', 'start', ...units);
    await pi.guest.out('systemctl', 'reload', COLLECTOR);
    await pi.moreReadings(2);
    await pi.guest.out('systemctl', 'restart', COLLECTOR);
    await pi.moreReadings(2);
    const newer = await pi.guest.out('find', '/', '-xdev', '-newer', '/etc/before', '-not', '-type', 'd');
    const written = newer.trim().split('\n');
    expect(written.some((path) => OURS.test(path))).toBe(true);
    expect(written.filter((path) => !OURS.test(path) && !SYSTEMDS.test(path) && !ROOTS.test(path))).toEqual([]);
    // In memory: what systemd keeps of the units is elsewhere below /run.
    const inMemory = await pi.guest.out('find', '/run', '/dev/shm', '/tmp', '-user', 'energy-monitor', '-type', 'f');
    expect(inMemory.split('\n').filter((path) => path !== '' && !path.startsWith('/run/energy-monitor/'))).toEqual([]);
  });

  test('a unit may write nowhere else, and sees no home', async (context) => {
    await requireNspawn(context, suite);
    const { pi } = await installedPi(suite);
    for (const unit of [COLLECTOR, BACKUP, 'energy-monitor-host-metrics.service']) {
      const places = '/etc/energy-monitor /opt/energy-monitor /usr/local /var/log /var/lib /home /root /boot /etc';
      const script = `for place in ${places}; do touch "$place/x" && echo "$place"; done; ls /root /home; true`;
      expect(await pi.inPlaceOf(unit, script)).toMatchObject({ code: 0, out: expect.not.stringMatching(/^\//m) });
      const may = await pi.inPlaceOf(
        unit,
        'touch /var/lib/energy-monitor/x /var/cache/energy-monitor/x && echo written',
      );
      expect(may).toMatchObject({ code: 0, out: 'written\n' });
    }
  });
});
