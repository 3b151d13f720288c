import { closeSync, fchownSync, openSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { gzipSync } from 'node:zlib';
import { type TarInput, writeTar } from '../../influxdb/snapshot/tar-writer.ts';
import { AgentError, errnoOf, messageOf } from '../../system/errors.ts';
import { heirIn } from '../../system/owner.ts';
import type { Part } from './parts.ts';
import type { Redactor } from './redactor.ts';

/** What went into a bundle, and what did not. */
export interface Bundle {
  file: string;
  bytes: number;
  parts: { name: string; bytes: number }[];
  /** With the reason. */
  missing: { name: string; reason: string }[];
  /** Where secrets are that could not be read, and so were not looked for. */
  unread: readonly string[];
}

const README = `Support bundle of energy-monitor.

Taken out (***): secrets, tokens, passwords, signatures and keys. Replaced: this machine's name (HOST), names of users in
paths (USER), addresses of the network (ADDRESS-1 ...; the same number is the same address), addresses of its hardware (MAC).
Left in: names of meters, servers, stores and storage accounts, serial numbers of adapters, the last reading of each meter.
Look through it before you hand it on.

`;

const NOT_LOOKED_FOR = 'Secrets that could not be read, and were not looked for in the texts';

/**
 * Writes all parts, redacted, into one file that its owner alone may read.
 * @throws AgentError where the file is there already, or cannot be written
 */
export async function writeBundle(
  file: string,
  parts: readonly Part[],
  { redactor, unread, nowMs }: { redactor: Redactor; unread: readonly string[]; nowMs: number },
): Promise<Bundle> {
  const texts: { name: string; data: Buffer }[] = [];
  const missing: Bundle['missing'] = [];
  for (const { name, text } of parts) {
    try {
      const found = text();
      if (found === undefined) missing.push({ name, reason: 'this machine has none' });
      else texts.push({ name, data: Buffer.from(redactor.text(found)) });
    } catch (error) {
      missing.push({ name, reason: redactor.text(messageOf(error)) });
    }
  }
  const left = missing.map(({ name, reason }) => `${name}: left out: ${reason}\n`).join('');
  const list = texts.map(({ name, data }) => `${name}: ${data.length} bytes\n`).join('');
  const risk = redactor.text(unread.map((path) => `${NOT_LOOKED_FOR}: ${path}\n`).join(''));
  texts.unshift({ name: 'README.txt', data: Buffer.from(`${README}${risk}${list}${left}`) });
  const data = gzipSync(await tarOf(texts, nowMs));
  writePrivately(file, data);
  return {
    file: resolve(file),
    bytes: data.length,
    parts: texts.map(({ name, data }) => ({ name, bytes: data.length })),
    missing,
    unread,
  };
}

async function tarOf(texts: readonly { name: string; data: Buffer }[], nowMs: number): Promise<Buffer> {
  const mtimeS = Math.floor(nowMs / 1000);
  const entries = texts.map(
    ({ name, data }): TarInput => ({
      header: { name: `energy-monitor-support/${name}`, type: 'file', mode: 0o600, mtimeS, size: data.length },
      content: () => [data],
    }),
  );
  const pieces: Uint8Array[] = [];
  for await (const piece of writeTar(entries)) pieces.push(piece);
  return Buffer.concat(pieces);
}

/** Nothing that is there is written over. Made by root, it belongs to whom its directory belongs: who has to send it. */
function writePrivately(file: string, data: Buffer): void {
  let fd: number | undefined;
  try {
    fd = openSync(file, 'wx', 0o600);
    const heir = heirIn(dirname(resolve(file)));
    if (heir) fchownSync(fd, heir.uid, heir.gid);
    writeFileSync(fd, data);
  } catch (error) {
    if (fd !== undefined) rmSync(file, { force: true });
    const isThere = errnoOf(error) === 'EEXIST';
    const code = isThere ? 'usage' : /^(EACCES|EPERM|EROFS)$/.test(errnoOf(error) ?? '') ? 'permission' : 'storage';
    throw new AgentError(
      code,
      isThere ? `${file} is there already` : `${file} cannot be written: ${messageOf(error)}`,
      {
        hint: 'name another file',
        cause: error,
      },
    );
  } finally {
    if (fd !== undefined) closeSync(fd);
  }
}

/** What a person is told. */
export function bundleText({ file, bytes, parts, missing, unread }: Bundle): string {
  const lines = [
    ...parts.map(({ name, bytes: size }) => `  ${name} (${size} bytes)`),
    ...missing.map(({ name, reason }) => `  ${name} is left out: ${reason}`),
    `${file}: ${Math.ceil(bytes / 1000)} kB`,
    ...unread.map((path) => `${NOT_LOOKED_FOR}: ${path} (call this with sudo)`),
    'Secrets are taken out, as far as they are known. Look through it before you send it: its README.txt says what is left.',
    `  tar -xzf ${file} -O | less`,
  ];
  return `${lines.join('\n')}\n`;
}
