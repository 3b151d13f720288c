import { execFileSync, spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { REPOSITORY } from '../support/child.ts';
import { temporaryDirectory } from '../support/temporary.ts';

const { version } = JSON.parse(readFileSync(join(REPOSITORY, 'package.json'), 'utf8')) as { version: string };
const nameOf = (platform: string) => `energy-monitor-${version}-linux-${platform}`;

/** Makes releases into a directory of their own. @param umask of who makes them, which must not matter */
function makeRelease(platform: string, umask = '022'): { directory: string; sums: string } {
  const directory = temporaryDirectory();
  const script = `umask ${umask} && exec sh "$0" --platform "$1" --output "$2"`;
  execFileSync('sh', ['-c', script, join(REPOSITORY, 'systemd/installer/release.sh'), platform, directory]);
  return { directory, sums: readFileSync(join(directory, 'SHA256SUMS'), 'utf8') };
}

const listed = (directory: string, platform: string) =>
  execFileSync('tar', ['--list', '--verbose', '--file', join(directory, `${nameOf(platform)}.tar.gz`)], {
    encoding: 'utf8',
    maxBuffer: 2 ** 26,
  }).split('\n');

test('the same files give the same bytes, whoever makes them', () => {
  const one = makeRelease('x64');
  const other = makeRelease('x64', '077');
  expect(one.sums).toMatch(new RegExp(`^[0-9a-f]{64} {2}${nameOf('x64')}\\.tar\\.gz\n$`));
  expect(other.sums).toBe(one.sums);
});

test.each(['arm64', 'x64'])('a release for %s has its binaries and no other, and starts no registry', (platform) => {
  const { directory } = makeRelease(platform);
  const lines = listed(directory, platform);
  const paths = lines.map((line) => line.split(` ${nameOf(platform)}/`)[1] ?? '');
  const natives = paths.filter((path) => path.endsWith('.node'));
  expect(natives.length).toBeGreaterThan(1);
  expect(natives.filter((path) => !path.includes(`linux-${platform}`) && !path.includes(`linux_${platform}`))).toEqual(
    [],
  );
  expect(paths).toContain(`node_modules/node-linux-${platform}/bin/node`);
  expect(paths.filter((path) => path.startsWith('test/') || path.includes('/typescript/'))).toEqual([]);
  expect(paths).toEqual(
    expect.arrayContaining(['install.sh', 'agent/main.ts', 'systemd/installer/tree.sh', 'RELEASE']),
  );
  // Owned by root, written by nobody else.
  expect(lines.filter((line) => line !== '' && !/^(?:[d-]rwxr-xr-x|-rw-r--r--|lrwxrwxrwx) 0\/0 /.test(line))).toEqual(
    [],
  );

  execFileSync('tar', ['--extract', '--directory', directory, '--file', join(directory, `${nameOf(platform)}.tar.gz`)]);
  const tree = join(directory, nameOf(platform));
  const check = spawnSync('sha256sum', ['--check', '--quiet', 'SHA256SUMS'], { cwd: tree, encoding: 'utf8' });
  expect(check.stdout).toBe('');
  expect(check.status).toBe(0);
  const locks = ['package-lock.json', 'node_modules/.package-lock.json'].map((file) =>
    readFileSync(join(tree, file), 'utf8'),
  );
  for (const lock of locks) expect(lock).not.toContain('"resolved"');
});
