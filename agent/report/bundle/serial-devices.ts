import { statSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { linkAt, namesIn, pathBehind, textAt } from '../../system/kernel-files.ts';

/**
 * Serial ports with driver, rights and USB device, and their stable names. No port is opened: the collector has it.
 * @param root for tests: what stands for /
 */
export function serialDevices(root = '/'): string {
  const names = namesIn(join(root, 'dev')).filter((name) => /^tty(?:USB|ACM|AMA|S0)\d*$/.test(name));
  const links = ['by-id', 'by-path'].flatMap((kind) =>
    namesIn(join(root, 'dev/serial', kind)).map((name) => `serial/${kind}/${name}`),
  );
  if (pathBehind(join(root, 'dev/energy-meter')) !== undefined) links.push('energy-meter');
  const lines = [
    ...names.map((name) => deviceLine(root, name)),
    ...links.map((link) => `/dev/${link} -> ${basename(pathBehind(join(root, 'dev', link)) ?? 'nothing')}`),
  ];
  return lines.length === 0 ? 'no serial port\n' : `${lines.join('\n')}\n`;
}

function deviceLine(root: string, name: string): string {
  const stat = statSync(join(root, 'dev', name), { throwIfNoEntry: false });
  const rights = stat ? `${(stat.mode & 0o777).toString(8)} uid ${stat.uid} gid ${stat.gid}` : 'gone';
  const device = join(root, 'sys/class/tty', name, 'device');
  const driver = basename(linkAt(join(device, 'driver')) ?? '-');
  return [`/dev/${name}`, rights, `driver ${driver}`, usbText(pathBehind(device))].filter(Boolean).join('  ');
}

/** The USB device is some directories above the port's own. */
function usbText(path: string | undefined): string {
  for (let at = path; at !== undefined && at !== dirname(at); at = dirname(at)) {
    const vendor = textAt(join(at, 'idVendor'));
    if (vendor === undefined) continue;
    const words = ['manufacturer', 'product'].map((name) => textAt(join(at, name))).filter(Boolean);
    return `usb ${vendor}:${textAt(join(at, 'idProduct')) ?? '?'} ${words.join(' ')}`.trim();
  }
  return '';
}
