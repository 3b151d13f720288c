import { execFile } from 'node:child_process';
import { chmodSync, chownSync, realpathSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import type { Guest, Output } from './nspawn.ts';

const REPOSITORY = join(import.meta.dirname, '../..');
/** On any Debian (base-passwd). */
const DIALOUT = 20;
const PATIENCE_MS = 60_000;
const LOOK_MS = 100;

/** A state that is waited for, and what `systemctl show` says. */
export type Properties = Readonly<Record<string, string>>;

/** A reading as `readings --format json` prints it. */
export interface PrintedReading {
  time: string;
  meter: string;
  measurement: string;
  [quantity: string]: unknown;
}

export const COLLECTOR = 'energy-monitor-collector.service';
export const RUNNING = { ActiveState: 'active', SubState: 'running' };

export const CONFIG = `meters:
  - name: house
    model: we-515
    connection: {serial: /dev/energy-meter}
journal: {flushInterval: 1s}
`;

/** What install.sh does, in a few lines, with the checkout as the release: for tests that are about the units. */
const INSTALL = `
set -eu
cd /opt/energy-monitor/current/systemd
install -D -m 644 sysusers.conf /etc/sysusers.d/energy-monitor.conf
install -D -m 644 tmpfiles.conf /etc/tmpfiles.d/energy-monitor.conf
systemd-sysusers energy-monitor.conf
systemd-tmpfiles --create energy-monitor.conf
chgrp -R energy-monitor /etc/energy-monitor/config.yaml
chmod 640 /etc/energy-monitor/config.yaml
cp -r energy-monitor* /etc/systemd/system/
ln -sf /opt/energy-monitor/current/agent/energy-monitor /usr/local/bin/energy-monitor
systemctl daemon-reload
systemctl enable energy-monitor.target $(cd /etc/systemd/system && grep -l '^WantedBy=' energy-monitor*)
systemctl start --no-block energy-monitor.target
`;

/** A Pi: a guest with a meter on /dev/energy-meter, which a time server has told the time. */
export class GuestPi {
  readonly guest: Guest;

  constructor(guest: Guest) {
    this.guest = guest;
    // timesyncd's answer, which comes over a network.
    guest.write('/etc/tmpfiles.d/time.conf', 'd /run/systemd/timesync\nf /run/systemd/timesync/synchronized\n');
  }

  /** @param link a pseudo-terminal of this machine; seen by the guest from its next boot on */
  plugIn(link: string): void {
    const device = realpathSync(link);
    chownSync(device, 0, DIALOUT);
    chmodSync(device, 0o660);
    this.guest.unbind('/dev/energy-meter');
    this.guest.bind({ from: device, to: '/dev/energy-meter', writable: true });
  }

  /** Boots it with the checkout as its release, installed by hand, and waits for the collector. */
  async install(config = CONFIG): Promise<void> {
    this.guest.bind({ from: REPOSITORY, to: '/opt/energy-monitor/releases/checkout' });
    await this.guest.boot();
    await this.guest.out('ln', '-s', 'releases/checkout', '/opt/energy-monitor/current');
    this.guest.write('/etc/energy-monitor/config.yaml', config);
    await this.guest.out('sh', '-c', INSTALL);
    await this.until(COLLECTOR, RUNNING);
  }

  /** Another adapter in the same place while the guest runs, as udev does it: a name that leads to a new device. */
  async plugInAgain(): Promise<void> {
    const script = `
umount /dev/energy-meter && rm /dev/energy-meter
systemd-run --quiet --unit=meter energy-monitor simulate --link /dev/energy-meter
until [ -e /dev/energy-meter ]; do sleep 0.1; done
chown root:dialout "$(readlink -f /dev/energy-meter)" && chmod 660 "$(readlink -f /dev/energy-meter)"`;
    await this.guest.out('sh', '-c', script);
  }

  /** A device of the kernel, for those who may open it. @param node type, major and minor, as mknod(1) takes them */
  async addDevice(path: string, node: string): Promise<void> {
    // nspawn's guest has no right to: this machine makes it there.
    await promisify(execFile)('mknod', ['--mode=666', this.guest.path(path), ...node.split(' ')]);
  }

  async properties(unit: string, ...names: string[]): Promise<Properties> {
    const out = await this.guest.out('systemctl', 'show', unit, `--property=${names.join(',')}`);
    const lines = out.split('\n').filter((line) => line.includes('='));
    return Object.fromEntries(
      lines.map((line) => [line.slice(0, line.indexOf('=')), line.slice(line.indexOf('=') + 1)]),
    );
  }

  async property(unit: string, name: string): Promise<string> {
    return (await this.properties(unit, name))[name] ?? '';
  }

  /** Waits until a unit is as described. */
  async until(unit: string, wanted: Properties): Promise<Properties> {
    const names = Object.keys(wanted);
    return this.eventually(
      () => this.properties(unit, ...names),
      (found) => names.every((name) => found[name] === wanted[name]),
      `${unit} to be ${JSON.stringify(wanted)}`,
    );
  }

  /** Asks until the answer is right. @throws Error with the last one and the end of the log */
  async eventually<T>(ask: () => Promise<T>, isRight: (answer: T) => boolean, what: string): Promise<T> {
    const deadlineMs = Date.now() + PATIENCE_MS;
    for (;;) {
      const answer = await ask();
      if (isRight(answer)) return answer;
      if (Date.now() > deadlineMs) {
        const { out } = await this.guest.run('journalctl', '--no-pager', '--lines=40');
        throw new Error(`waited for ${what} in vain, found ${JSON.stringify(answer)}; the log ends with\n${out}`);
      }
      await sleep(LOOK_MS);
    }
  }

  /** What the journal has, by the command line, as root. */
  async readings(...options: string[]): Promise<PrintedReading[]> {
    const where = ['--state-dir', '/var/lib/energy-monitor', '--last', '1d', '--format', 'json'];
    const out = await this.guest.out('energy-monitor', 'readings', ...where, ...options);
    return JSON.parse(out) as PrintedReading[];
  }

  /** Waits until so many more readings of the meter are stored. */
  async moreReadings(count: number): Promise<PrintedReading[]> {
    const before = (await this.readings('--meter', 'house')).length;
    const ask = () => this.readings('--meter', 'house');
    return this.eventually(ask, (found) => found.length >= before + count, `${count} more readings`);
  }

  /** The log of a unit, as a person reads it. */
  async log(unit: string, ...options: string[]): Promise<string> {
    return this.guest.out('journalctl', '--no-pager', '--output=cat', `--unit=${unit}`, ...options);
  }
  /** Changes a unit as a person does, by a drop-in. */
  async dropIn(unit: string, text: string): Promise<void> {
    this.guest.write(`/etc/systemd/system/${unit}.d/50-test.conf`, text);
    await this.guest.out('systemctl', 'daemon-reload');
  }

  /** Runs a script of the shell in place of a unit's program, with all that the unit gives and takes away. */
  async inPlaceOf(unit: string, script: string): Promise<Output> {
    const program = '/usr/local/lib/probe.sh';
    const probe = 'energy-monitor-probe.service';
    this.guest.write(program, `exec >/run/energy-monitor/probe.out 2>/run/energy-monitor/probe.err\n${script}\n`);
    const text = await this.guest.out(
      'sh',
      '-c',
      `cat /etc/systemd/system/${unit} /etc/systemd/system/${unit}.d/* 2>/dev/null || true`,
    );
    const ours = text.replaceAll(/^(Type|Exec\w+|Watchdog\w+|Restart\w*|OnFailure|RemainAfterExit)=.*\n/gm, '');
    this.guest.write(
      `/etc/systemd/system/${probe}`,
      `${ours}\n[Service]\nType=oneshot\nExecStart=/bin/sh ${program}\n`,
    );
    await this.guest.out('systemctl', 'daemon-reload');
    await this.guest.run('systemctl', 'start', probe);
    const code = Number(await this.property(probe, 'ExecMainStatus'));
    const [out, err] = await Promise.all(
      ['out', 'err'].map((name) => this.guest.out('cat', `/run/energy-monitor/probe.${name}`)),
    );
    return { code, out: out ?? '', err: err ?? '' };
  }
}
