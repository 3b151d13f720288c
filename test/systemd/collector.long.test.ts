import { describe, expect, test } from 'vitest';
import { installedPi, requireNspawn } from '../support/guests.ts';
import { COLLECTOR, CONFIG, type PrintedReading, RUNNING } from '../support/nspawn-pi.ts';
import { SUITES } from '../support/nspawn-rootfs.ts';

/** Each second once, and in order. */
function expectNoneDoubled(readings: readonly PrintedReading[]): void {
  const times = readings.map(({ time }) => time);
  expect(times).toEqual([...new Set(times)].sort());
}

describe.for(SUITES)('on %s', (suite) => {
  test('the collector says that it is ready, readings flow, and systemctl status tells how it is', async (context) => {
    await requireNspawn(context, suite);
    const { pi } = await installedPi(suite);
    await pi.until(COLLECTOR, RUNNING);
    const readings = await pi.moreReadings(3);
    expect(readings[0]).toMatchObject({ meter: 'house' });
    expectNoneDoubled(readings);
    const status = await pi.eventually(
      () => pi.property(COLLECTOR, 'StatusText'),
      (text) => /^house \d+ W at \d\d:\d\d:\d\d/.test(text),
      'a sentence about the last reading',
    );
    expect(await pi.guest.out('systemctl', 'status', '--no-pager', COLLECTOR)).toContain('Status: "house ');
    expect(status).not.toContain('\n');
  });

  test('journald knows the priority of each line', async (context) => {
    await requireNspawn(context, suite);
    const { pi, meter } = await installedPi(suite);
    await pi.moreReadings(1);
    await meter.end('SIGTERM');
    const warnings = await pi.eventually(
      () => pi.log(COLLECTOR, '--priority=warning'),
      (text) => text !== '',
      'a warning',
    );
    expect(await pi.log(COLLECTOR, '--priority=info')).toContain('collecting');
    expect(warnings).not.toContain('collecting');
    // For a person: no JSON, no number of a priority.
    expect(warnings).not.toMatch(/^[<{]/m);
  });

  test('killed, it is started again and goes on; no reading is doubled, the pause is a gap', async (context) => {
    await requireNspawn(context, suite);
    const { pi } = await installedPi(suite);
    const before = await pi.moreReadings(3);
    const killed = await pi.property(COLLECTOR, 'MainPID');
    await pi.guest.out('systemctl', 'kill', '--signal=KILL', '--kill-whom=main', COLLECTOR);
    await pi.until(COLLECTOR, { NRestarts: '1', ...RUNNING });
    expect(await pi.property(COLLECTOR, 'MainPID')).not.toBe(killed);
    const after = await pi.moreReadings(3);
    expectNoneDoubled(after);
    expect(after.slice(0, before.length)).toEqual(before);
    expect(await pi.log(COLLECTOR)).toContain('gap: the collector was not running');
  });

  test('hung, it is killed by the watchdog and started again', async (context) => {
    await requireNspawn(context, suite);
    const { pi } = await installedPi(suite);
    await pi.dropIn(COLLECTOR, '[Service]\nWatchdogSec=3\n');
    await pi.guest.out('systemctl', 'restart', COLLECTOR);
    await pi.moreReadings(6);
    expect(await pi.property(COLLECTOR, 'NRestarts')).toBe('0');
    await pi.guest.out('systemctl', 'kill', '--signal=STOP', '--kill-whom=main', COLLECTOR);
    await pi.until(COLLECTOR, { NRestarts: '1', ...RUNNING });
    expectNoneDoubled(await pi.moreReadings(3));
    expect(await pi.log(COLLECTOR)).toContain('Watchdog timeout');
  });

  test('after a reboot it starts by itself, after a power cut as well', async (context) => {
    await requireNspawn(context, suite);
    const { pi } = await installedPi(suite);
    const first = await pi.moreReadings(3);
    expect(await pi.guest.reboot()).toBe('running');
    await pi.until(COLLECTOR, RUNNING);
    const second = await pi.moreReadings(3);
    expect(second.slice(0, first.length)).toEqual(first);
    // What a flush has not brought to the disk within its second is gone, as on any machine.
    const durable = second.slice(0, -2);
    await pi.guest.kill();
    expect(await pi.guest.boot()).toBe('running');
    await pi.until(COLLECTOR, RUNNING);
    const third = await pi.moreReadings(3);
    expect(third.slice(0, durable.length)).toEqual(durable);
    expectNoneDoubled(third);
  });

  test('a configuration with mistakes is refused with a reason, and the one before goes on', async (context) => {
    await requireNspawn(context, suite);
    const { pi } = await installedPi(suite);
    await pi.moreReadings(1);
    const pid = await pi.property(COLLECTOR, 'MainPID');
    const file = '/etc/energy-monitor/config.yaml';
    pi.guest.write(file, CONFIG.replace('we-515', 'we-999'));
    await pi.guest.out('systemctl', 'reload', COLLECTOR);
    const said = (pattern: RegExp) =>
      pi.eventually(
        () => pi.property(COLLECTOR, 'StatusText'),
        (text) => pattern.test(text),
        `the status ${pattern}`,
      );
    expect(await said(/we-999/)).toMatch(/configuration/);
    expect(await pi.log(COLLECTOR, '--priority=warning')).toContain('we-999');
    await pi.moreReadings(2);
    pi.guest.write(file, CONFIG.replace('name: house', 'name: attic'));
    await pi.guest.out('systemctl', 'reload', COLLECTOR);
    await said(/^attic/);
    await pi.eventually(
      () => pi.readings('--meter', 'attic'),
      (found) => found.length > 0,
      'readings of the new name',
    );
    expect(await pi.properties(COLLECTOR, 'MainPID', 'ActiveState')).toEqual({ MainPID: pid, ActiveState: 'active' });
  });

  test('an adapter that is pulled out does not end it; put in again, it is read', async (context) => {
    await requireNspawn(context, suite);
    const { pi, meter } = await installedPi(suite);
    await pi.moreReadings(2);
    const pid = await pi.property(COLLECTOR, 'MainPID');
    await meter.end('SIGTERM');
    await pi.eventually(
      () => pi.log(COLLECTOR, '--priority=warning'),
      (text) => text.includes('/dev/energy-meter'),
      'a line about the port',
    );
    await pi.plugInAgain();
    await pi.moreReadings(3);
    expect(await pi.properties(COLLECTOR, 'MainPID', 'NRestarts')).toEqual({ MainPID: pid, NRestarts: '0' });
  });
});
