import { chmodSync, mkdirSync, realpathSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { expect, test } from 'vitest';
import { type Adapter, adapterAt, adaptersWithoutPort, findAdapters } from '../../agent/doctor/adapters.ts';
import { holdersOf } from '../../agent/system/port-holder.ts';
import { asNobody } from '../support/nobody.ts';
import { temporaryDirectory } from '../support/temporary.ts';

/** A tree that stands for /. */
function tree(files: Record<string, string>, links: Record<string, string> = {}): string {
  const root = realpathSync(temporaryDirectory());
  for (const [path, text] of Object.entries(files)) {
    mkdirSync(dirname(join(root, path)), { recursive: true });
    writeFileSync(join(root, path), text);
  }
  for (const [path, target] of Object.entries(links)) {
    mkdirSync(dirname(join(root, path)), { recursive: true });
    symlinkSync(target.replace('ROOT', root), join(root, path));
  }
  return root;
}

const DRIVER = '../../../../bus/usb-serial/drivers';

test('adapters on USB with their stable names; the own ports of a Pi are left alone', () => {
  const root = tree(
    { 'dev/ttyUSB0': '', 'dev/ttyUSB1': '', 'dev/ttyAMA0': '', 'dev/ttyS0': '', 'dev/tty1': '' },
    {
      'sys/class/tty/ttyUSB0/device/driver': `${DRIVER}/ftdi_sio`,
      'sys/class/tty/ttyUSB1/device/driver': `${DRIVER}/ch341-uart`,
      'dev/serial/by-id/usb-FTDI_FT232R_A50285BI-if00-port0': '../../ttyUSB0',
      'dev/serial/by-id/usb-1a86_USB_Serial-if00-port0': '../../ttyUSB1',
      'dev/serial/by-path/platform-usb-0:1.2:1.0-port0': '../../ttyUSB1',
    },
  );
  const shown = findAdapters(root).map(({ path, stablePath, driver }: Adapter) =>
    [path, stablePath, driver].map((text) => text?.replace(root, '')),
  );
  expect(shown).toEqual([
    ['/dev/ttyUSB0', '/dev/serial/by-id/usb-FTDI_FT232R_A50285BI-if00-port0', 'ftdi_sio'],
    // CH340 have no serial number: two of them share one name by id.
    ['/dev/ttyUSB1', '/dev/serial/by-path/platform-usb-0:1.2:1.0-port0', 'ch341-uart'],
  ]);
});

test('without any on USB, those of the machine; a name that somebody chose stays', () => {
  const root = tree({ 'dev/ttyAMA0': '' }, { 'dev/meter': 'ttyAMA0' });
  expect(findAdapters(root).map(({ stablePath }) => stablePath)).toEqual([join(root, 'dev/ttyAMA0')]);
  expect(adapterAt(join(root, 'dev/meter'), root).stablePath).toBe(join(root, 'dev/meter'));
  expect(findAdapters(tree({ 'dev/null': '' }))).toEqual([]);
});

test('an adapter whose driver is missing is told by its chip', () => {
  const root = tree({
    'sys/bus/usb/devices/1-1.2/idVendor': '1a86\n',
    'sys/bus/usb/devices/1-1.2/idProduct': '7523\n',
    'sys/bus/usb/devices/usb1/idVendor': '1d6b\n',
    'sys/bus/usb/devices/usb1/idProduct': '0002\n',
  });
  expect(adaptersWithoutPort(root)).toEqual(['CH340 (1a86:7523)']);
});

test('who has the port open, and what of it is ours; no arguments of others', () => {
  const root = tree(
    {
      'dev/ttyUSB0': '',
      'proc/11/comm': 'node\n',
      'proc/11/cmdline':
        '/opt/node\0--max-old-space-size=96\0/opt/energy-monitor/agent/main.ts\0collect\0--config\0x.yaml\0',
      'proc/12/comm': 'modpoll\n',
      'proc/12/cmdline': 'modpoll\0--password\0secret\0',
      'proc/13/comm': 'bash\n',
      'proc/14/comm': 'node\n',
      'proc/14/cmdline': 'node\0agent/main.ts\0simulate\0',
    },
    {
      'proc/11/fd/19': 'ROOT/dev/ttyUSB0',
      'proc/12/fd/3': 'ROOT/dev/ttyUSB0',
      'proc/13/fd/0': '/dev/null',
      'proc/14/fd/5': 'ROOT/dev/ttyUSB0',
    },
  );
  expect(holdersOf(join(root, 'dev/ttyUSB0'), root)).toEqual([
    { pid: 11, program: 'node', command: 'collect' },
    { pid: 12, program: 'modpoll', command: undefined },
  ]);
});

test('a port that may not be opened names the group that may', () => {
  const root = tree({ 'dev/ttyUSB0': '', 'etc/group': 'root:x:0:\nstaff:x:1:\n' });
  const device = join(root, 'dev/ttyUSB0');
  expect(adapterAt(device, root).access).toBe('granted');
  chmodSync(device, 0o440);
  let access: Adapter['access'] | undefined;
  asNobody(root, () => {
    access = adapterAt(device, root).access;
  });
  const gid = statSync(device).gid;
  expect(access).toEqual({ group: gid === 0 ? 'root' : String(gid) });
});
