import { closeSync, constants, openSync, statSync } from 'node:fs';
import { basename, join } from 'node:path';
import { errnoOf } from '../system/errors.ts';
import { linkAt, namesIn, pathBehind, textAt } from '../system/kernel-files.ts';
import { type Holder, holdersOf } from '../system/port-holder.ts';

/** A serial port of this machine. */
export interface Adapter {
  /** `/dev/ttyUSB0`. */
  path: string;
  /** The name that stays when adapters are plugged in another order. */
  stablePath: string;
  /** Of the kernel: ch341, ftdi_sio, cp210x, pl2303, uart-pl011; undefined where it does not say. */
  driver: string | undefined;
  /** May it be opened? Else the group that may. */
  access: 'granted' | { group: string };
  /** Programs that have it open, as far as this user may see them. */
  holders: Holder[];
}

/** USB chips of adapters, for one whose driver is missing. */
const CHIPS: Readonly<Record<string, string>> = {
  '1a86:7523': 'CH340',
  '1a86:55d3': 'CH343',
  '0403:6001': 'FTDI FT232',
  '0403:6015': 'FTDI FT231X',
  '10c4:ea60': 'CP210x',
  '067b:2303': 'PL2303',
};

/**
 * Serial adapters, those on USB first; the Pi's own ports only where there are none, because something else may live there.
 * @param root for tests: what stands for /
 */
export function findAdapters(root = '/'): Adapter[] {
  const names = namesIn(join(root, 'dev'));
  const usb = names.filter((name) => /^tty(USB|ACM)\d+$/.test(name));
  const own = names.filter((name) => /^ttyAMA\d+$/.test(name));
  return (usb.length > 0 ? usb : own).map((name) => adapterAt(join(root, 'dev', name), root));
}

/** A port that was named; a link keeps its name. */
export function adapterAt(path: string, root = '/'): Adapter {
  const device = pathBehind(path) ?? path;
  const driver = linkAt(join(root, 'sys/class/tty', basename(device), 'device/driver'));
  const driverName = driver === undefined ? undefined : basename(driver);
  const isKernelName = /^tty[A-Z]+\d+$/.test(basename(path));
  return {
    path,
    stablePath: isKernelName ? (stableName(device, driverName, root) ?? path) : path,
    driver: driverName,
    access: accessTo(device, root),
    holders: holdersOf(device, root),
  };
}

/** CH340 have no serial number: two of them share one name by id, so theirs is that of the socket. */
function stableName(device: string, driver: string | undefined, root: string): string | undefined {
  const kinds = /^ch34/.test(driver ?? '') ? ['by-path', 'by-id'] : ['by-id', 'by-path'];
  for (const kind of kinds) {
    const directory = join(root, 'dev/serial', kind);
    const name = namesIn(directory).find((link) => pathBehind(join(directory, link)) === device);
    if (name !== undefined) return join(directory, name);
  }
  return undefined;
}

function accessTo(device: string, root: string): Adapter['access'] {
  try {
    closeSync(openSync(device, constants.O_RDWR | constants.O_NOCTTY | constants.O_NONBLOCK));
    return 'granted';
  } catch (error) {
    if (!/^(EACCES|EPERM)$/.test(errnoOf(error) ?? '')) return 'granted';
    const gid = statSync(device, { throwIfNoEntry: false })?.gid;
    if (gid === undefined) return 'granted';
    const groups = textAt(join(root, 'etc/group')) ?? '';
    const group = groups.split('\n').find((line) => line.split(':')[2] === String(gid));
    return { group: group?.split(':')[0] ?? String(gid) };
  }
}

/** Adapters on USB that have no port: their driver is missing. */
export function adaptersWithoutPort(root = '/'): string[] {
  const devices = join(root, 'sys/bus/usb/devices');
  return namesIn(devices).flatMap((name) => {
    const [vendor, product] = ['idVendor', 'idProduct'].map((file) => textAt(join(devices, name, file)));
    const chip = CHIPS[`${vendor}:${product}`];
    return chip === undefined ? [] : [`${chip} (${vendor}:${product})`];
  });
}
